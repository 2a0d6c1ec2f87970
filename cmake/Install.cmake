# cmake --install, and a package that find_package(vidgen) finds.
include(CMakePackageConfigHelpers)

get_property(modules GLOBAL PROPERTY VIDGEN_MODULES)
install(TARGETS ${modules} vidgen_all EXPORT vidgenTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS vidgen RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/vidgen DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})

set(package ${CMAKE_INSTALL_LIBDIR}/cmake/vidgen)
install(EXPORT vidgenTargets NAMESPACE vidgen:: DESTINATION ${package})
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/vidgenConfig.cmake.in ${PROJECT_BINARY_DIR}/vidgenConfig.cmake
  INSTALL_DESTINATION ${package})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/vidgenConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/vidgenConfig.cmake ${PROJECT_BINARY_DIR}/vidgenConfigVersion.cmake
  ${PROJECT_SOURCE_DIR}/cmake/FindLibTorch.cmake
  ${PROJECT_SOURCE_DIR}/cmake/FindOpenCV.cmake DESTINATION ${package})
