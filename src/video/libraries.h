#pragma once

namespace vidgen::video {

/// Stops OpenCV and FFmpeg from printing to stderr: what goes wrong is reported through
/// vidgen::Error. Call before their first use. Who sets OPENCV_FFMPEG_LOGLEVEL or OPENCV_LOG_LEVEL
/// sees their messages.
void silence_libraries();

}  // namespace vidgen::video
