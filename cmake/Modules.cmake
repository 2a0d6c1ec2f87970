include(GNUInstallDirs)

# vidgen_module(NAME [TORCH] [USES module...] [LINKS library...])
#
# Declares the library vidgen::NAME from src/NAME/*.cpp, and *.cu in the CUDA build. USES are the lower modules it may include; LINKS are the
# third-party libraries that it owns. A module that touches tensors says TORCH and shares one precompiled header.
function(vidgen_module name)
  cmake_parse_arguments(ARG "TORCH" "" "USES;LINKS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/${name}/*.cpp)
  if(VIDGEN_CUDA)
    file(GLOB kernels CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/${name}/*.cu)
    list(APPEND sources ${kernels})
  endif()
  add_library(vidgen_${name} STATIC ${sources})
  add_library(vidgen::${name} ALIAS vidgen_${name})
  set_target_properties(vidgen_${name} PROPERTIES EXPORT_NAME ${name} POSITION_INDEPENDENT_CODE ON)
  target_include_directories(vidgen_${name} PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_compile_features(vidgen_${name} PUBLIC cxx_std_17)
  list(TRANSFORM ARG_USES PREPEND vidgen_)
  target_link_libraries(vidgen_${name} PUBLIC ${ARG_USES} PRIVATE $<BUILD_INTERFACE:vidgen_options> ${ARG_LINKS})
  if(ARG_TORCH)
    target_link_libraries(vidgen_${name} PUBLIC LibTorch::LibTorch)
    vidgen_use_torch_pch(vidgen_${name})
  endif()
  set_property(GLOBAL APPEND PROPERTY VIDGEN_MODULES vidgen_${name})
endfunction()

# vidgen_kernels(FILE... [FLAGS flag...]): loops of our own, which are worth the compiler's best.
function(vidgen_kernels)
  cmake_parse_arguments(ARG "" "" "FLAGS" ${ARGN})
  set_source_files_properties(${ARG_UNPARSED_ARGUMENTS} PROPERTIES SKIP_PRECOMPILE_HEADERS ON
    COMPILE_OPTIONS "$<$<NOT:$<CONFIG:Debug>>:${VIDGEN_KERNEL_FLAGS}>;${ARG_FLAGS}")
endfunction()

# vidgen_calls_cuda(FILE...): the only files that the CUDA build compiles otherwise than the others do; all else in it is the CPU build's.
function(vidgen_calls_cuda)
  set_source_files_properties(${ARGN} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
  if(VIDGEN_CUDA)
    # The toolkit that compiles the kernels is behind all others, as LibTorch is.
    list(TRANSFORM CMAKE_CUDA_TOOLKIT_INCLUDE_DIRECTORIES PREPEND "-idirafter;" OUTPUT_VARIABLE toolkit)
    set_source_files_properties(${ARGN} PROPERTIES COMPILE_DEFINITIONS VIDGEN_CUDA COMPILE_OPTIONS "${toolkit}")
  endif()
endfunction()

# Gives a target the precompiled LibTorch headers, by default those that are compiled as the modules are. Another compilation has a name of its
# own, and its options from a library.
function(vidgen_use_torch_pch target)
  list(POP_FRONT ARGN pch options)
  if(NOT pch)
    set(pch vidgen_pch)
  endif()
  if(NOT TARGET ${pch})
    add_library(${pch} OBJECT ${PROJECT_SOURCE_DIR}/cmake/pch.cpp)
    set_target_properties(${pch} PROPERTIES POSITION_INDEPENDENT_CODE ON)
    target_link_libraries(${pch} PRIVATE vidgen_options LibTorch::LibTorch ${options})
    target_precompile_headers(${pch} PRIVATE ${PROJECT_SOURCE_DIR}/cmake/pch.h)
  endif()
  set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE ON)
  target_precompile_headers(${target} REUSE_FROM ${pch})
endfunction()
