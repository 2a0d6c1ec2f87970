#include "vidgen/video/reader.h"

extern "C" {
#include <libavutil/display.h>
}

#include <algorithm>
#include <cmath>
#include <opencv2/core.hpp>

#include "converter.h"
#include "decoder.h"
#include "mat.h"
#include "vidgen/core/error.h"
#include "vidgen/core/files.h"

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
}

/// Quarter turns clockwise that the file asks for.
int quarter_turns(const AVStream& stream) {
  const auto* matrix = av_stream_get_side_data(&stream, AV_PKT_DATA_DISPLAYMATRIX, nullptr);
  if (!matrix) return 0;
  const double degrees = -av_display_rotation_get(reinterpret_cast<const int32_t*>(matrix));
  if (!std::isfinite(degrees)) return 0;
  return static_cast<int>(std::lround(degrees / 90) + 4) % 4;
}

}  // namespace

bool has_video_extension(const fs::path& path) {
  static const std::vector<std::string> kExtensions = {
      ".mp4", ".m4v", ".mov", ".avi",  ".mkv", ".webm", ".mpg", ".mpeg",
      ".ts",  ".mts", ".wmv", ".m2ts", ".flv", ".ogv",  ".3gp", ".gif"};
  return std::find(kExtensions.begin(), kExtensions.end(), core::lower_extension(path)) !=
         kExtensions.end();
}

struct VideoReader::Source {
  Source(const fs::path& path, int threads) : decoder(path, threads) {}

  Decoder decoder;
  Converter converter;
  int turns = quarter_turns(decoder.stream());
};

VideoReader::VideoReader(const fs::path& path, int threads) {
  check_regular(path);
  source_ = std::make_unique<Source>(path, threads);
  const Decoder& decoder = source_->decoder;
  width_ = decoder.stream().codecpar->width;
  height_ = decoder.stream().codecpar->height;
  if (width_ < 1 || height_ < 1) throw Error(path.string() + ": holds no picture");
  if (source_->turns % 2 == 1) std::swap(width_, height_);
  const double rate = decoder.rate();
  fps_ = rate > 0 && rate <= 1000 ? rate : 25;
  promised_frames_ = decoder.promised();
}

VideoReader::~VideoReader() = default;

bool VideoReader::skip() {
  if (!source_->decoder.next()) return false;
  advance_time();
  return true;
}

bool VideoReader::read(Frame& frame) {
  if (!skip()) return false;
  const AVFrame& picture = source_->decoder.picture();
  const bool turned = source_->turns % 2 == 1;
  return convert(frame, turned ? picture.width : picture.height,
                 turned ? picture.height : picture.width);
}

bool VideoReader::read(Frame& frame, int64_t height, int64_t width) {
  return skip() && convert(frame, height, width);
}

bool VideoReader::convert(Frame& frame, int64_t height, int64_t width) {
  const int turns = source_->turns;
  const auto rows = static_cast<int>(turns % 2 == 1 ? width : height);
  const auto columns = static_cast<int>(turns % 2 == 1 ? height : width);
  const AVFrame* rgb = source_->converter.convert(source_->decoder.picture(), rows, columns);
  if (!rgb) return false;
  const cv::Mat converted(rows, columns, CV_8UC3, rgb->data[0], rgb->linesize[0]);
  reshape(frame, height, width, 3);
  cv::Mat target = as_mat(frame);
  if (turns == 0) {
    converted.copyTo(target);
  } else {
    cv::rotate(converted, target, turns - 1);  // ROTATE_90_CLOCKWISE is 0, and so on
  }
  return true;
}

void VideoReader::advance_time() {
  const double stamp = source_->decoder.time();
  if (frames_++ == 0) {
    start_ = stamp;
    return;
  }
  const double time = stamp - start_;
  const bool sound = time > time_ && time - time_ <= kLongestFrameSeconds;
  time_ = sound ? time : time_ + 1 / fps_;
}

}  // namespace vidgen::video
