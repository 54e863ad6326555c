# One function for each kind of target, so that every target is small, aliased and compiled alike.

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  # What one checkout has compiled, another need not: not on this machine, nor in a container that is given its cache.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} ${CCACHE_PROGRAM})
endif()
# Nothing that is built tells where it was built.
add_compile_options(-ffile-prefix-map=${PROJECT_SOURCE_DIR}=.)
find_program(MOLD_PROGRAM mold)
if(MOLD_PROGRAM)
  add_link_options(-fuse-ld=mold)
endif()

add_library(likeness_options INTERFACE)
target_include_directories(likeness_options INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_options(likeness_options INTERFACE -Wall -Wextra -Wpedantic -Werror -Wno-error=deprecated-declarations)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # GCC 12 warns of overlaps in std::string that cannot happen (GCC bug 105651).
  target_compile_options(likeness_options INTERFACE -Wno-restrict)
endif()
if(LIKENESS_SANITIZE)
  target_compile_options(likeness_options INTERFACE -fsanitize=${LIKENESS_SANITIZE} -fno-sanitize-recover=undefined
                                                    -fno-omit-frame-pointer -O1)
  target_link_options(likeness_options INTERFACE -fsanitize=${LIKENESS_SANITIZE})
endif()

if(LIKENESS_SANITIZE MATCHES thread)
  # Debian's Abseil tells ThreadSanitizer nothing of its locks and what is built on them (tests/support/tsan_mutex.cc).
  add_library(likeness_tsan_mutex OBJECT tests/support/tsan_mutex.cc)
  target_link_libraries(likeness_tsan_mutex PRIVATE absl::synchronization)
  target_include_directories(likeness_tsan_mutex PRIVATE ${PROJECT_SOURCE_DIR})
  foreach(symbol Mutex4LockEv Mutex6UnlockEv Mutex10ReaderLockEv Mutex12ReaderUnlockEv Mutex5AwaitERKNS0_9ConditionE
                 Mutex16AwaitWithTimeoutERKNS0_9ConditionENS0_8DurationE Mutex17AwaitWithDeadlineERKNS0_9ConditionENS0_4TimeE MutexD1Ev)
    target_link_options(likeness_options INTERFACE -Wl,--wrap=_ZN4absl7debian35${symbol})
  endforeach()
  foreach(symbol _ZN4absl7debian37Barrier5BlockEv _ZN4absl7debian312Notification6NotifyEv
                 _ZNK4absl7debian312Notification19WaitForNotificationEv _ZN4absl7debian315BlockingCounter14DecrementCountEv
                 _ZN4absl7debian315BlockingCounter4WaitEv)
    target_link_options(likeness_options INTERFACE -Wl,--wrap=${symbol})
  endforeach()
  target_link_libraries(likeness_options INTERFACE absl::synchronization)
  set(LIKENESS_TSAN_OBJECTS $<TARGET_OBJECTS:likeness_tsan_mutex>)
endif()

# includes_torch(a.cc …): of the folder's sources, those that include LibTorch. Clang 14 cannot compile its headers as C++20
# with GCC 12's library, where std::vector wants to know its elements earlier.
function(includes_torch)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 15)
    set_source_files_properties(${ARGN} PROPERTIES COMPILE_OPTIONS "-std=c++17;-Wno-c++20-designator;-Wno-c++20-extensions")
  endif()
endfunction()

# likeness_library(NAME SRCS a.cc DEPS x PRIVATE_DEPS y): a room's library, linked as likeness::NAME.
# DEPS are what its headers include, PRIVATE_DEPS what only its sources do.
function(likeness_library name)
  cmake_parse_arguments(ARG "" "" "SRCS;DEPS;PRIVATE_DEPS" ${ARGN})
  add_library(likeness_${name} STATIC ${ARG_SRCS})
  add_library(likeness::${name} ALIAS likeness_${name})
  target_link_libraries(likeness_${name} PUBLIC likeness_options ${ARG_DEPS} PRIVATE ${ARG_PRIVATE_DEPS})
endfunction()

# likeness_binary(NAME SRCS a.cc DEPS x): an executable in the build folder's bin/.
function(likeness_binary name)
  cmake_parse_arguments(ARG "" "" "SRCS;DEPS" ${ARGN})
  add_executable(${name} ${ARG_SRCS} ${LIKENESS_TSAN_OBJECTS})
  target_link_libraries(${name} PRIVATE likeness_options ${ARG_DEPS})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
endfunction()

# likeness_test(NAME SRCS a_test.cc DEPS x LABEL unit TIMEOUT 60): a GoogleTest program, one ctest each.
function(likeness_test name)
  cmake_parse_arguments(ARG "" "LABEL;TIMEOUT" "SRCS;DEPS" ${ARGN})
  add_executable(${name} ${ARG_SRCS} ${LIKENESS_TSAN_OBJECTS})
  target_link_libraries(${name} PRIVATE likeness_options ${ARG_DEPS} GTest::gmock GTest::gtest_main)
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES LABELS "${ARG_LABEL}" TIMEOUT ${ARG_TIMEOUT})
endfunction()

# script_test(NAME COMMAND … TIMEOUT 60): a test in another language. It finds what it needs in its environment.
function(script_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "COMMAND" ${ARGN})
  add_test(NAME ${name} COMMAND ${ARG_COMMAND} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  set_tests_properties(${name} PROPERTIES
    LABELS script
    TIMEOUT ${ARG_TIMEOUT}
    ENVIRONMENT "LIKENESS_BIN_DIR=${CMAKE_BINARY_DIR}/bin;LIKENESS_MODELS_DIR=${LIKENESS_MODELS_DIR};LIKENESS_PHOTOS_DIR=${LIKENESS_PHOTOS_DIR};LIKENESS_DATA_DIR=${LIKENESS_DATA_DIR};LIKENESS_PROTO_DIR=${PROJECT_SOURCE_DIR}/proto;LIKENESS_GOOGLE_PROTO_DIR=${LIKENESS_GOOGLE_PROTO_DIR}")
endfunction()
