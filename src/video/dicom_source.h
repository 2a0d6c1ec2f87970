#pragma once

#include <filesystem>
#include <memory>

#include "picture_source.h"

namespace vidgen::video {

/// The pictures of a DICOM recording (an ultrasound cine, an angiography), by DCMTK, at the times
/// that its tags give. Nothing that the file says of the patient is looked at. Throws vidgen::Error
/// naming the file when it cannot be read, and when vidgen was built without DCMTK.
std::unique_ptr<PictureSource> open_dicom(const std::filesystem::path& path);

/// Whether a DICOM file holds several pictures, or may do so as far as can be told.
bool is_dicom_recording(const std::filesystem::path& path);

}  // namespace vidgen::video
