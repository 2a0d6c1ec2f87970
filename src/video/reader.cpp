#include "vidgen/video/reader.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "converter.h"
#include "mat.h"
#include "orientation.h"
#include "picture_source.h"
#include "vidgen/core/error.h"

namespace vidgen::video {
namespace {

/// A frame shown for longer than this is a broken time stamp.
constexpr double kLongestFrameSeconds = 3600;
/// Stamps that fall by fewer frames are rounded or out of order; by more, the clock was set anew.
constexpr double kClockFrames = 2;
constexpr double kMaxAspect = 8;

}  // namespace

struct VideoReader::Source {
  Source(const std::filesystem::path& path, const ReaderOptions& options)
      : path(path), pictures(open_pictures(path, options)) {}

  /// Remembers what of the current picture the user may want to know.
  void look_at(const AVFrame& picture) {
    sizes.insert({picture.width, picture.height});
    if (is_interlaced(picture)) ++interlaced;
    if (is_hdr(picture)) hdr = picture.color_trc == AVCOL_TRC_SMPTE2084 ? "PQ" : "HLG";
    if (const char* name = unknown_matrix(picture)) matrix = name;
  }

  std::filesystem::path path;
  std::unique_ptr<PictureSource> pictures;
  Converter converter;
  std::set<std::pair<int, int>> sizes;
  int64_t interlaced = 0;
  const char* hdr = nullptr;
  const char* matrix = nullptr;
};

VideoReader::VideoReader(const std::filesystem::path& path, const ReaderOptions& options)
    : source_(std::make_unique<Source>(path, options)) {
  const SourceHeader& header = source_->pictures->header();
  if (header.width < 1 || header.height < 1) throw Error(path.string() + ": holds no picture");
  set_shown_size(header.width, header.height, header.pixel_aspect);
  fps_ = header.fps > 0 ? header.fps : kUnstatedFps;
}

VideoReader::~VideoReader() = default;

void VideoReader::set_shown_size(int64_t width, int64_t height, double pixel_aspect) {
  const bool possible = pixel_aspect > 1 / kMaxAspect && pixel_aspect < kMaxAspect;
  const double aspect = possible ? pixel_aspect : 1;
  width_ = aspect > 1 ? std::llround(static_cast<double>(width) * aspect) : width;
  height_ = aspect < 1 ? std::llround(static_cast<double>(height) / aspect) : height;
  if (source_->pictures->orientation().quarter_turns % 2 == 1) std::swap(width_, height_);
}

bool VideoReader::states_rate() const { return source_->pictures->header().states_rate; }

int64_t VideoReader::promised_frames() const {
  constexpr double kMost = 1e9;
  const int64_t counted = source_->pictures->header().frames;
  if (counted > 0) return counted;
  const double frames = promised_seconds() * pace_.fps(fps_);
  return frames > 0 && frames < kMost ? std::llround(frames) : 0;
}

bool VideoReader::is_indexed() const { return source_->pictures->header().indexed; }

double VideoReader::promised_seconds() const {
  const double end = source_->pictures->header().end;
  return end > 0 ? end - (started_ ? origin_ : 0) : 0;
}

Damage VideoReader::damage() const { return source_->pictures->damage(); }

bool VideoReader::is_after_gap() const { return source_->pictures->is_after_gap(); }

std::vector<std::string> VideoReader::notes() const {
  auto notes = source_->pictures->header().notes;
  const auto add = [&](const auto&... parts) { notes.push_back(core::cat(parts...)); };
  if (source_->sizes.size() > 1) {
    add("pictures of ", source_->sizes.size(), " sizes, each fitted by itself");
  }
  if (clock_changes_ > 0) {
    add("its clock is set anew ", clock_changes_, clock_changes_ == 1 ? " time" : " times",
        " (joined recordings, or a hold of more than an hour, which is not kept)");
  }
  if (source_->interlaced > 0) {
    add("interlaced: of ", source_->interlaced, " frames the field that is shown first is taken");
  }
  if (source_->converter.saw_transparency()) add("transparency is laid over black");
  if (source_->hdr) add("HDR (", source_->hdr, ") is turned into SDR");
  if (source_->matrix) {
    add("colours in ", source_->matrix, ", which are read as if they were in BT.601 or BT.709");
  }
  return notes;
}

bool VideoReader::skip() {
  if (!source_->pictures->next()) return false;
  const AVFrame& picture = source_->pictures->picture();
  source_->look_at(picture);
  const AVRational own = picture.sample_aspect_ratio;
  set_shown_size(
      picture.width, picture.height,
      own.num > 0 && own.den > 0 ? av_q2d(own) : source_->pictures->header().pixel_aspect);
  advance_time();
  duration_ = source_->pictures->duration();
  return true;
}

bool VideoReader::read(Frame& frame) {
  if (!skip()) return false;
  show(frame, height_, width_);
  return true;
}

bool VideoReader::read(Frame& frame, int64_t height, int64_t width) {
  if (!skip()) return false;
  show(frame, height, width);
  return true;
}

void VideoReader::show(Frame& frame, int64_t height, int64_t width) {
  const Orientation orientation = source_->pictures->orientation();
  const bool sideways = orientation.quarter_turns % 2 == 1;
  const auto rows = static_cast<int>(sideways ? width : height);
  const auto columns = static_cast<int>(sideways ? height : width);
  const AVFrame* rgb = source_->converter.convert(source_->pictures->picture(), rows, columns);
  if (!rgb) {
    throw Error(core::cat(source_->path.string(), ": its pictures cannot be scaled to ", columns,
                          "x", rows, " pixels"));
  }
  reshape(frame, height, width, 3);
  cv::Mat target = as_mat(frame);
  orient(cv::Mat(rows, columns, CV_8UC3, rgb->data[0], static_cast<size_t>(rgb->linesize[0])),
         orientation, target);
}

void VideoReader::advance_time() {
  const double stamp = source_->pictures->time();
  if (!started_) {
    started_ = true;
    origin_ = std::isfinite(stamp) ? stamp : 0;
    return;
  }
  const double time = stamp - origin_;
  if (time > time_ && time - time_ <= kLongestFrameSeconds) {
    pace_.add(time - time_);
    time_ = time;
    return;
  }
  const double usual = pace_.median(fps_);
  if (time <= time_ && time > time_ - kClockFrames * usual) return;
  // No stamp, or one of another clock: the frame comes when it is due.
  time_ += usual;
  if (!std::isfinite(stamp)) return;
  origin_ = stamp - time_;
  ++clock_changes_;
}

double VideoReader::end() const {
  if (duration_ > 0) return time_ + duration_;
  const double usual = pace_.median(fps_), promised = promised_seconds();
  // A track's end that lies within its last frame is rounded.
  const double rounding = std::min(usual, 1 / fps_) / 2;
  const bool told = promised > time_ + rounding && promised - time_ <= kLongestFrameSeconds;
  return told ? promised : time_ + usual;
}

}  // namespace vidgen::video
