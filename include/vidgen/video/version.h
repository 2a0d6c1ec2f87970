#pragma once

namespace vidgen::video {

/// The version of OpenCV that this was built with: "4.6.0".
const char* opencv_version();

}  // namespace vidgen::video
