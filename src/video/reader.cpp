#include "vidgen/video/reader.h"

#include <algorithm>
#include <cmath>
#include <opencv2/imgproc.hpp>
#include <opencv2/videoio.hpp>

#include "libraries.h"
#include "mat.h"
#include "vidgen/core/error.h"

namespace vidgen::video {
namespace {

namespace fs = std::filesystem;

/// A frame shown for longer than this is a broken time stamp.
constexpr double kLongestFrameSeconds = 60;

void check_regular(const fs::path& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  const auto fail = [&](const std::string& reason) { throw Error(path.string() + ": " + reason); };
  if (status.type() == fs::file_type::not_found) fail("no such file");
  if (error) fail(error.message());
  if (status.type() == fs::file_type::directory) fail("is a folder, expected a video file");
  if (status.type() != fs::file_type::regular) fail("is not a regular file");
  const uintmax_t size = fs::file_size(path, error);
  if (error) fail(error.message());
  if (size == 0) fail("the file is empty");
  // FFmpeg takes such names for patterns that stand for many images, unless it knows the extension
  // as a video's.
  if (path.filename().string().find('%') != std::string::npos && !has_video_extension(path)) {
    fail("the name holds a '%' and has no extension of a video; rename the file");
  }
}

}  // namespace

bool has_video_extension(const fs::path& path) {
  static const std::vector<std::string> kExtensions = {
      ".mp4", ".m4v", ".mov", ".avi",  ".mkv", ".webm", ".mpg", ".mpeg",
      ".ts",  ".mts", ".wmv", ".m2ts", ".flv", ".ogv",  ".3gp", ".gif"};
  std::string extension = path.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  return std::find(kExtensions.begin(), kExtensions.end(), extension) != kExtensions.end();
}

struct VideoReader::Capture {
  cv::VideoCapture video;
  cv::Mat bgr;
};

VideoReader::VideoReader(const fs::path& path) : path_(path), capture_(new Capture) {
  silence_libraries();
  check_regular(path);
  cv::VideoCapture& video = capture_->video;
  if (!video.open(fs::absolute(path).string(), cv::CAP_FFMPEG)) {
    throw Error(path.string() + ": is not a video that FFmpeg can read");
  }
  width_ = static_cast<int64_t>(video.get(cv::CAP_PROP_FRAME_WIDTH));
  height_ = static_cast<int64_t>(video.get(cv::CAP_PROP_FRAME_HEIGHT));
  if (width_ < 1 || height_ < 1) throw Error(path.string() + ": holds no picture");
  const double fps = video.get(cv::CAP_PROP_FPS);
  fps_ = fps > 0 && fps <= 1000 ? fps : 25;
  const double promised = video.get(cv::CAP_PROP_FRAME_COUNT);
  promised_frames_ = promised > 0 && promised < 1e9 ? std::llround(promised) : 0;
}

VideoReader::~VideoReader() = default;

bool VideoReader::skip() {
  try {
    if (!capture_->video.grab()) return false;
  } catch (const cv::Exception&) {
    return false;
  }
  advance_time();
  return true;
}

bool VideoReader::read(Frame& frame) {
  if (!skip()) return false;
  cv::Mat& bgr = capture_->bgr;
  try {
    if (!capture_->video.retrieve(bgr) || bgr.type() != CV_8UC3) return false;
  } catch (const cv::Exception&) {
    return false;
  }
  reshape(frame, bgr.rows, bgr.cols, 3);
  cv::Mat target = as_mat(frame);
  cv::cvtColor(bgr, target, cv::COLOR_BGR2RGB);
  return true;
}

void VideoReader::advance_time() {
  const double stamp = capture_->video.get(cv::CAP_PROP_POS_MSEC) / 1000;
  if (frames_++ == 0) {
    start_ = stamp;
    return;
  }
  const double time = stamp - start_;
  const bool sound = time > time_ && time - time_ <= kLongestFrameSeconds;
  time_ = sound ? time : time_ + 1 / fps_;
}

}  // namespace vidgen::video
