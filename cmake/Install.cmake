# cmake --install, in three parts: `program` is bin/vidgen, which finds LibTorch and starts lib/vidgen/vidgen; `development` what
# find_package(vidgen) finds; `libraries`, only when it is named, the shared libraries that the program needs besides LibTorch's and
# glibc's. Nothing that is installed holds a path of this machine.
include(CMakePackageConfigHelpers)
string(REGEX MATCH "^([0-9]+)\\.([0-9]+)" LibTorch_MINOR "${LibTorch_VERSION}")
math(EXPR _next "${CMAKE_MATCH_2} + 1")
set(LibTorch_NEXT_MINOR ${CMAKE_MATCH_1}.${_next})

set(_program lib/vidgen)
install(TARGETS vidgen RUNTIME DESTINATION ${_program} COMPONENT program)
configure_file(${PROJECT_SOURCE_DIR}/src/cli/vidgen.sh.in ${PROJECT_BINARY_DIR}/launcher/vidgen @ONLY
  FILE_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
install(PROGRAMS ${PROJECT_BINARY_DIR}/launcher/vidgen DESTINATION bin COMPONENT program)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/configs DESTINATION share/vidgen COMPONENT program)
install(FILES ${PROJECT_SOURCE_DIR}/README.md ${PROJECT_SOURCE_DIR}/CHANGELOG.md DESTINATION share/doc/vidgen COMPONENT program)
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION share/doc/vidgen RENAME copyright COMPONENT program)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/doc DESTINATION share/doc/vidgen COMPONENT program)
install(CODE "execute_process(COMMAND ${PROJECT_SOURCE_DIR}/tools/bundle_libraries.sh $<TARGET_FILE:vidgen> ${LibTorch_DIR}
  \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}\" COMMAND_ERROR_IS_FATAL ANY)" COMPONENT libraries EXCLUDE_FROM_ALL)

get_property(modules GLOBAL PROPERTY VIDGEN_MODULES)
set(_package ${CMAKE_INSTALL_LIBDIR}/cmake/vidgen)
install(TARGETS ${modules} vidgen_all EXPORT vidgenTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/vidgen DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT development)
install(EXPORT vidgenTargets NAMESPACE vidgen:: DESTINATION ${_package} COMPONENT development)
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/vidgenConfig.cmake.in ${PROJECT_BINARY_DIR}/vidgenConfig.cmake
  INSTALL_DESTINATION ${_package})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/vidgenConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/vidgenConfig.cmake ${PROJECT_BINARY_DIR}/vidgenConfigVersion.cmake
  ${PROJECT_SOURCE_DIR}/cmake/FindLibTorch.cmake ${PROJECT_SOURCE_DIR}/cmake/FindOpenCV.cmake
  ${PROJECT_SOURCE_DIR}/cmake/FindDcmtk.cmake DESTINATION ${_package} COMPONENT development)
