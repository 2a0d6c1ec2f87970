# How our own code is compiled: standard, warnings, sanitizers.
set(CMAKE_CXX_STANDARD 17)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR})
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()

# The arithmetic happens inside LibTorch and FFmpeg: -O1 compiles this code twice as fast as -O2 and the training step
# takes the same time.
set(CMAKE_CXX_FLAGS_RELEASE "-O1 -DNDEBUG")
set(CMAKE_CXX_FLAGS_DEBUG "-O0 -g")

add_library(vidgen_options INTERFACE)
target_compile_options(vidgen_options INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall> $<$<COMPILE_LANGUAGE:CXX>:-Wextra> $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-Werror>
  $<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=-Wall,-Wextra,-Werror> $<$<COMPILE_LANGUAGE:CUDA>:-Werror=all-warnings>)
if(VIDGEN_SANITIZE)
  # The instrumentation makes GCC see uninitialised values inside std::regex and std::function that are none.
  target_compile_options(vidgen_options INTERFACE
    -fsanitize=${VIDGEN_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all -g1 $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-Wno-maybe-uninitialized>)
  target_link_options(vidgen_options INTERFACE -fsanitize=${VIDGEN_SANITIZE})
endif()

# Executables are compiled as libraries are, so that all can share one precompiled header.
set(CMAKE_CXX_COMPILE_OPTIONS_PIE -fPIC)
