# OpenCV's core and imgproc as likeness::opencv. OpenCV's own CMake package where there is one (Debian has it only in
# libopencv-dev, which brings sixty packages that nothing here needs); otherwise the libraries themselves.

add_library(likeness_opencv INTERFACE)
add_library(likeness::opencv ALIAS likeness_opencv)
find_package(OpenCV CONFIG QUIET COMPONENTS core imgproc)
if(OpenCV_FOUND)
  target_link_libraries(likeness_opencv INTERFACE opencv_core opencv_imgproc)
else()
  find_path(OPENCV_INCLUDE_DIR opencv2/imgproc.hpp PATH_SUFFIXES opencv4 REQUIRED)
  find_library(OPENCV_CORE_LIBRARY opencv_core REQUIRED)
  find_library(OPENCV_IMGPROC_LIBRARY opencv_imgproc REQUIRED)
  target_include_directories(likeness_opencv SYSTEM INTERFACE ${OPENCV_INCLUDE_DIR})
  target_link_libraries(likeness_opencv INTERFACE ${OPENCV_IMGPROC_LIBRARY} ${OPENCV_CORE_LIBRARY})
endif()
