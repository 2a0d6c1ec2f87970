# nvcc, for our own kernels: src/<module>/*.cu, which belong to the CUDA build only.
#
# Taken from CUDACXX, the PATH, /usr/local/cuda, or where tools/setup.sh --cuda puts one.
if(NOT CMAKE_CUDA_COMPILER AND NOT DEFINED ENV{CUDACXX})
  find_program(_nvcc nvcc HINTS /usr/local/cuda/bin ${LibTorch_DIR}/../nvidia/cu13/bin NO_CACHE)
  if(NOT _nvcc)
    message(FATAL_ERROR "no nvcc. Run tools/setup.sh --cuda, or set CUDACXX to that of a CUDA toolkit.")
  endif()
  set(CMAKE_CUDA_COMPILER ${_nvcc})
endif()
# Ampere, Ada and Hopper; what comes after them compiles the PTX of the last.
set(CMAKE_CUDA_ARCHITECTURES 80-real 86-real 89-real 90)
set(CMAKE_CUDA_STANDARD 17)
set(CMAKE_CUDA_STANDARD_REQUIRED ON)
set(CMAKE_CUDA_EXTENSIONS OFF)
# LibTorch is linked with the shared runtime, which FindLibTorch links us with as well: one for the process.
set(CMAKE_CUDA_RUNTIME_LIBRARY None)
enable_language(CUDA)
