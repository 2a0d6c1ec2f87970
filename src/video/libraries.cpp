#include "libraries.h"

extern "C" {
#include <libavutil/log.h>
}

#include <cstdlib>
#include <mutex>
#include <opencv2/core/utils/logger.hpp>

namespace vidgen::video {

void silence_libraries() {
  static std::once_flag once;
  std::call_once(once, [] {
    if (!std::getenv("OPENCV_LOG_LEVEL")) {
      cv::utils::logging::setLogLevel(cv::utils::logging::LOG_LEVEL_SILENT);
    }
    if (std::getenv("OPENCV_FFMPEG_LOGLEVEL")) return;
    // OpenCV sets FFmpeg's level itself when it opens its first file, from this variable.
    setenv("OPENCV_FFMPEG_LOGLEVEL", "-8", 1);
    av_log_set_level(AV_LOG_QUIET);
  });
}

}  // namespace vidgen::video
