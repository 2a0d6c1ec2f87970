# What cpack reads once for each kind of package.
if(CPACK_GENERATOR STREQUAL TGZ)
  set(CPACK_COMPONENTS_ALL program libraries)
else()
  set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
endif()
