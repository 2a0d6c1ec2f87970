# How our own code is compiled: standard, warnings, sanitizers. How fast is the user's to say (CMAKE_BUILD_TYPE, CMAKE_CXX_FLAGS ...,
# or a preset), but for the loops that are written to become vector instructions.
if(NOT DEFINED CMAKE_CXX_STANDARD)
  set(CMAKE_CXX_STANDARD 17)
endif()
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
if(PROJECT_IS_TOP_LEVEL)
  set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
  if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
    set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
  endif()
endif()
set(VIDGEN_KERNEL_FLAGS -O3 CACHE STRING "How the files of our own kernels are optimised, except in a debug build")

add_library(vidgen_options INTERFACE)
if(PROJECT_IS_TOP_LEVEL)
  target_compile_options(vidgen_options INTERFACE
    $<$<COMPILE_LANGUAGE:CXX>:-Wall> $<$<COMPILE_LANGUAGE:CXX>:-Wextra> $<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=-Wall,-Wextra>)
endif()
# An index out of range ends the program in the place where it is used, instead of reading on.
target_compile_definitions(vidgen_options INTERFACE $<$<COMPILE_LANGUAGE:CXX>:_GLIBCXX_ASSERTIONS>)
if(VIDGEN_SANITIZE)
  # The instrumentation makes GCC see uninitialised values inside std::regex and std::function that are none.
  target_compile_options(vidgen_options INTERFACE
    -fsanitize=${VIDGEN_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all -g1 $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-Wno-maybe-uninitialized>)
  target_link_options(vidgen_options INTERFACE -fsanitize=${VIDGEN_SANITIZE})
endif()

# Executables are compiled as libraries are, so that all can share one precompiled header.
set(CMAKE_CXX_COMPILE_OPTIONS_PIE -fPIC)
