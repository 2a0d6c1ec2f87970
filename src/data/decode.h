#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "vidgen/data/options.h"
#include "vidgen/data/video_report.h"
#include "vidgen/video/frame.h"

namespace vidgen::data {

/// Receives each frame of a video, scaled, cropped and coloured as the options say, with the number
/// of times that the resampled video shows it (0: not at all).
using FrameSink = std::function<void(const video::Frame& frame, int64_t copies)>;

/// Decodes a whole video in that many threads, with or without a sink. A
/// file that cannot be opened is reported as the problem; what the sink throws passes through, and
/// vidgen::Error where reading fails.
VideoReport decode_video(const std::filesystem::path& path, const DataOptions& options, int threads,
                         const FrameSink& sink);

/// Fills in the clips of the report and, unless it has a problem already, whether the video is too
/// small or too short.
void count_clips(VideoReport& report, const DataOptions& options);

/// Says that the video is smaller than DataOptions::size; "" when it is not.
std::string size_problem(const VideoReport& report, const DataOptions& options);

/// The header of a video without its frames: width, height, fps, frames_promised, or the problem.
VideoReport open_report(const std::filesystem::path& path, const DataOptions& options);

}  // namespace vidgen::data
