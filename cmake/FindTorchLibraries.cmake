# LibTorch as likeness::torch: Debian's 1.13, or a newer one (CPU or CUDA) whose folder is given by CMAKE_PREFIX_PATH.

find_package(Torch REQUIRED)
message(STATUS "LibTorch ${Torch_VERSION}")
add_library(likeness_torch INTERFACE)
add_library(likeness::torch ALIAS likeness_torch)
target_link_libraries(likeness_torch INTERFACE ${TORCH_LIBRARIES})
target_include_directories(likeness_torch SYSTEM INTERFACE ${TORCH_INCLUDE_DIRS})
