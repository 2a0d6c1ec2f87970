# Finds the libraries of DCMTK that read pictures, as Dcmtk::Dcmtk. DCMTK's own package file asks for everything that it was ever linked with.
find_path(Dcmtk_INCLUDE_DIR dcmtk/dcmimage/diregist.h)
set(_required Dcmtk_INCLUDE_DIR)
set(Dcmtk_LIBRARIES "")
foreach(name dcmimage dcmimgle dcmjpeg dcmjpls dcmdata oflog ofstd)
  find_library(Dcmtk_${name}_LIBRARY ${name})
  list(APPEND _required Dcmtk_${name}_LIBRARY)
  list(APPEND Dcmtk_LIBRARIES ${Dcmtk_${name}_LIBRARY})
endforeach()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Dcmtk REQUIRED_VARS ${_required}
  REASON_FAILURE_MESSAGE "DICOM files will not be read (Debian: libdcmtk-dev).")
if(Dcmtk_FOUND AND NOT TARGET Dcmtk::Dcmtk)
  add_library(Dcmtk::Dcmtk INTERFACE IMPORTED)
  target_include_directories(Dcmtk::Dcmtk INTERFACE ${Dcmtk_INCLUDE_DIR})
  target_link_libraries(Dcmtk::Dcmtk INTERFACE ${Dcmtk_LIBRARIES})
endif()
