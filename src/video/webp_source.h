#pragma once

#include <webp/demux.h>

#include <filesystem>
#include <memory>
#include <string>

#include "picture_source.h"

namespace vidgen::video {

/// An animated WebP, once through however often it asks to be repeated: FFmpeg reads single ones
/// only.
class WebpSource : public PictureSource {
 public:
  /// Throws vidgen::Error naming the file when not even its first picture is whole.
  WebpSource(const std::filesystem::path& path, int threads);

  const SourceHeader& header() const override { return header_; }
  bool next() override;
  const AVFrame& picture() const override { return *picture_; }
  double time() const override { return start_; }
  double duration() const override { return end_ - start_; }
  Damage damage() const override { return damage_; }

 private:
  struct Deleter {
    void operator()(WebPAnimDecoder* decoder) const { WebPAnimDecoderDelete(decoder); }
  };
  void open(int threads);
  void open_whole_part(int threads);

  std::string bytes_;  // the decoder reads it
  std::unique_ptr<WebPAnimDecoder, Deleter> decoder_;
  SourceHeader header_;
  AvFrame picture_{av_frame_alloc()};
  /// Pictures at the end that are cut off.
  int64_t lost_ = 0;
  int64_t shown_ = 0;
  /// Of the file's own clock, in milliseconds.
  int stamp_ = 0;
  double start_ = 0;
  double end_ = 0;
  Damage damage_;
};

}  // namespace vidgen::video
