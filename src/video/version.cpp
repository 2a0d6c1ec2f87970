#include "vidgen/video/version.h"

#include <opencv2/core/version.hpp>

namespace vidgen::video {

const char* opencv_version() { return CV_VERSION; }

}  // namespace vidgen::video
