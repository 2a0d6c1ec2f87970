# Finds LibTorch and defines LibTorch::LibTorch: CPU, and CUDA as well when VIDGEN_CUDA is on.
#
# Looked for in VIDGEN_TORCH_DIR, a variable of CMake or of the environment (an unpacked official archive, or the torch
# folder of a Python installation), then where tools/setup.sh puts it. Plain imported targets, because LibTorch's own
# package file asks for nvcc even in a CPU build.
if(DEFINED ENV{VIDGEN_CACHE})
  set(_cache $ENV{VIDGEN_CACHE})
else()
  set(_cache $ENV{HOME}/.cache/vidgen)
endif()
if(VIDGEN_TORCH_DIR)
  set(_torch ${VIDGEN_TORCH_DIR})
elseif(DEFINED ENV{VIDGEN_TORCH_DIR})
  set(_torch $ENV{VIDGEN_TORCH_DIR})
else()
  set(_torch ${_cache}/libtorch-2.11.0/torch)
endif()

find_library(LibTorch_CPU torch_cpu PATHS ${_torch}/lib NO_DEFAULT_PATH NO_CACHE)
find_library(LibTorch_C10 c10 PATHS ${_torch}/lib NO_DEFAULT_PATH NO_CACHE)
set(_required LibTorch_CPU LibTorch_C10)
if(VIDGEN_CUDA)
  find_library(LibTorch_CUDA torch_cuda PATHS ${_torch}/lib NO_DEFAULT_PATH NO_CACHE)
  find_library(LibTorch_C10_CUDA c10_cuda PATHS ${_torch}/lib NO_DEFAULT_PATH NO_CACHE)
  find_library(LibTorch_CUDART NAMES libcudart.so.13 cudart
    PATHS ${_torch}/../nvidia/cu13/lib ${_torch}/lib /usr/local/cuda/lib64 NO_DEFAULT_PATH NO_CACHE)
  list(APPEND _required LibTorch_CUDA LibTorch_C10_CUDA LibTorch_CUDART)
endif()
if(EXISTS ${_torch}/include/torch/headeronly/version.h)
  file(STRINGS ${_torch}/include/torch/headeronly/version.h _line REGEX "define TORCH_VERSION ")
  string(REGEX MATCH "[0-9]+\\.[0-9]+\\.[0-9]+" LibTorch_VERSION "${_line}")
endif()

include(FindPackageHandleStandardArgs)
set(LibTorch_DIR ${_torch})
find_package_handle_standard_args(LibTorch REQUIRED_VARS ${_required} VERSION_VAR LibTorch_VERSION
  REASON_FAILURE_MESSAGE "no LibTorch in ${_torch}. Run tools/setup.sh, or set VIDGEN_TORCH_DIR.")

if(LibTorch_FOUND AND NOT TARGET LibTorch::LibTorch)
  add_library(LibTorch::LibTorch INTERFACE IMPORTED)
  # -idirafter: the folder also holds fmt and protobuf, which must not shadow the system's.
  target_compile_options(LibTorch::LibTorch INTERFACE
    "$<$<COMPILE_LANGUAGE:CXX>:SHELL:-idirafter ${_torch}/include>"
    "$<$<COMPILE_LANGUAGE:CXX>:SHELL:-idirafter ${_torch}/include/torch/csrc/api/include>")
  target_link_options(LibTorch::LibTorch INTERFACE
    -Wl,-rpath,${_torch}/lib -Wl,-rpath-link,${_torch}/../nvidia/cu13/lib)
  target_link_libraries(LibTorch::LibTorch INTERFACE ${LibTorch_CPU} ${LibTorch_C10})
  if(VIDGEN_CUDA)
    # torch_cuda registers its kernels when loaded; a program may call nothing in it, so the linker must be told to keep it.
    get_filename_component(_cudart ${LibTorch_CUDART} DIRECTORY)
    target_compile_definitions(LibTorch::LibTorch INTERFACE VIDGEN_CUDA)
    target_link_options(LibTorch::LibTorch INTERFACE -Wl,--allow-shlib-undefined -Wl,-rpath,${_cudart})
    target_link_libraries(LibTorch::LibTorch INTERFACE
      -Wl,--push-state,--no-as-needed ${LibTorch_CUDA} ${LibTorch_C10_CUDA} -Wl,--pop-state ${LibTorch_CUDART})
  endif()
endif()
