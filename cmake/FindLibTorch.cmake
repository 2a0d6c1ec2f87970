# Finds LibTorch and defines LibTorch::LibTorch: CPU, and CUDA as well when VIDGEN_CUDA is on.
#
# Looked for in VIDGEN_TORCH_DIR, a variable of CMake or of the environment (an unpacked official archive, or the torch
# folder of a Python installation), then where tools/setup.sh puts it, then in the python3 of the PATH. Plain imported
# targets, because LibTorch's own package file asks for nvcc even in a CPU build.
#
# Defines LibTorch_DIR and LibTorch_VERSION. A version outside the range that find_package() is given is refused, since
# operators are used that LibTorch keeps for itself; VIDGEN_ANY_TORCH lets it pass with a warning.
option(VIDGEN_ANY_TORCH "Build with a LibTorch of any version" OFF)
if(DEFINED ENV{VIDGEN_CACHE})
  set(_cache $ENV{VIDGEN_CACHE})
else()
  set(_cache $ENV{HOME}/.cache/vidgen)
endif()
if(VIDGEN_TORCH_DIR)
  set(LibTorch_DIR ${VIDGEN_TORCH_DIR})
elseif(DEFINED ENV{VIDGEN_TORCH_DIR})
  set(LibTorch_DIR $ENV{VIDGEN_TORCH_DIR})
else()
  set(LibTorch_DIR ${_cache}/libtorch-2.11.0/torch)
  if(NOT EXISTS ${LibTorch_DIR})
    execute_process(COMMAND python3 -c "import importlib.util as i; print(i.find_spec('torch').submodule_search_locations[0])"
      OUTPUT_VARIABLE _found RESULT_VARIABLE _result ERROR_QUIET OUTPUT_STRIP_TRAILING_WHITESPACE)
    if(_result EQUAL 0)
      set(LibTorch_DIR ${_found})
    endif()
  endif()
endif()

set(_places PATHS ${LibTorch_DIR}/lib NO_DEFAULT_PATH NO_CACHE)
find_library(LibTorch_CPU torch_cpu ${_places})
find_library(LibTorch_C10 c10 ${_places})
set(_required LibTorch_CPU LibTorch_C10)
if(VIDGEN_CUDA)
  find_library(LibTorch_CUDA torch_cuda ${_places})
  find_library(LibTorch_C10_CUDA c10_cuda ${_places})
  find_library(LibTorch_CUDART NAMES libcudart.so.13 cudart
    PATHS ${LibTorch_DIR}/../nvidia/cu13/lib ${LibTorch_DIR}/lib /usr/local/cuda/lib64 NO_DEFAULT_PATH NO_CACHE)
  list(APPEND _required LibTorch_CUDA LibTorch_C10_CUDA LibTorch_CUDART)
endif()
unset(LibTorch_VERSION)
set(_header ${LibTorch_DIR}/include/torch/headeronly/version.h)
if(EXISTS ${_header})
  file(STRINGS ${_header} _lines REGEX "define TORCH_VERSION_(MAJOR|MINOR|PATCH) ")
  string(REGEX MATCHALL "[0-9]+" _numbers "${_lines}")
  list(JOIN _numbers . LibTorch_VERSION)
endif()

include(FindPackageHandleStandardArgs)
set(_reason "no LibTorch in ${LibTorch_DIR}. Run tools/setup.sh, or set VIDGEN_TORCH_DIR.")
if(LibTorch_CPU AND LibTorch_FIND_VERSION)
  find_package_check_version("${LibTorch_VERSION}" LibTorch_VERSION_FITS HANDLE_VERSION_RANGE)
  if(NOT LibTorch_VERSION_FITS)
    set(_reason "the LibTorch in ${LibTorch_DIR} is version ${LibTorch_VERSION}, expected ${LibTorch_FIND_VERSION_COMPLETE}.")
    if(VIDGEN_ANY_TORCH)
      message(WARNING "${_reason} Used all the same, as VIDGEN_ANY_TORCH says.")
    else()
      string(APPEND _reason " Set VIDGEN_TORCH_DIR to another, or VIDGEN_ANY_TORCH to ON to try it.")
      list(APPEND _required LibTorch_VERSION_FITS)
    endif()
  endif()
endif()
find_package_handle_standard_args(LibTorch REQUIRED_VARS ${_required} HANDLE_VERSION_RANGE
  REASON_FAILURE_MESSAGE "${_reason}")

if(LibTorch_FOUND AND NOT TARGET LibTorch::LibTorch)
  add_library(LibTorch::LibTorch INTERFACE IMPORTED)
  # -idirafter: the folder also holds fmt and protobuf, which must not shadow the system's.
  target_compile_options(LibTorch::LibTorch INTERFACE
    "$<$<COMPILE_LANGUAGE:CXX>:SHELL:-idirafter ${LibTorch_DIR}/include>"
    "$<$<COMPILE_LANGUAGE:CXX>:SHELL:-idirafter ${LibTorch_DIR}/include/torch/csrc/api/include>")
  target_link_options(LibTorch::LibTorch INTERFACE -Wl,-rpath-link,${LibTorch_DIR}/../nvidia/cu13/lib)
  target_link_libraries(LibTorch::LibTorch INTERFACE ${LibTorch_CPU} ${LibTorch_C10})
  if(VIDGEN_CUDA)
    # torch_cuda registers its kernels when loaded; a program may call nothing in it, so the linker must be told to keep it.
    target_link_options(LibTorch::LibTorch INTERFACE -Wl,--allow-shlib-undefined)
    target_link_libraries(LibTorch::LibTorch INTERFACE
      -Wl,--push-state,--no-as-needed ${LibTorch_CUDA} ${LibTorch_C10_CUDA} -Wl,--pop-state ${LibTorch_CUDART})
  endif()
endif()
