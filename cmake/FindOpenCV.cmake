# Finds the two modules of OpenCV that are used, opencv_core and opencv_imgproc, as imported targets. OpenCV's own package file
# asks for all of its modules, which bring two hundred shared libraries with them on Debian.
find_path(OpenCV_INCLUDE_DIR opencv2/imgproc.hpp PATH_SUFFIXES opencv4)
find_library(OpenCV_core_LIBRARY opencv_core)
find_library(OpenCV_imgproc_LIBRARY opencv_imgproc)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(OpenCV REQUIRED_VARS OpenCV_INCLUDE_DIR OpenCV_core_LIBRARY OpenCV_imgproc_LIBRARY)
if(OpenCV_FOUND AND NOT TARGET opencv_core)
  foreach(name core imgproc)
    add_library(opencv_${name} UNKNOWN IMPORTED)
    set_target_properties(opencv_${name} PROPERTIES
      IMPORTED_LOCATION ${OpenCV_${name}_LIBRARY} INTERFACE_INCLUDE_DIRECTORIES ${OpenCV_INCLUDE_DIR})
  endforeach()
endif()
