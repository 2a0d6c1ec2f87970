#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "av_errors.h"
#include "picture_source.h"

namespace vidgen::video {

/// Numbered pictures, one after the other at a fixed rate.
class SequenceSource : public PictureSource {
 public:
  /// `files` are in order, those of pictures_of(path). Throws vidgen::Error, naming `path`, when
  /// none can be decoded.
  SequenceSource(const std::filesystem::path& path, std::vector<std::filesystem::path> files,
                 double fps);

  const SourceHeader& header() const override { return header_; }
  bool next() override;
  const AVFrame& picture() const override { return *picture_; }
  double time() const override { return static_cast<double>(index_) / fps_; }
  double duration() const override { return 1 / fps_; }
  Orientation orientation() const override;
  bool is_after_gap() const override { return after_gap_; }
  Damage damage() const override { return damage_; }

 private:
  void look_at_numbers(const std::string& name);
  /// Decodes a file; returns what is wrong with it, "" when nothing is.
  std::string decode(const std::filesystem::path& file);
  bool open_codec(const std::string& bytes, const std::filesystem::path& file);
  void note_damage(const std::string& reason);

  const std::vector<std::filesystem::path> files_;
  const double fps_;
  SourceHeader header_;
  /// Whether numbers are missing before the picture.
  std::vector<bool> gaps_;
  AvErrors errors_;  // outlives the decoder, which reports to it
  AvCodec codec_;
  AvFrame picture_{av_frame_alloc()};
  AvPacket packet_{av_packet_alloc()};
  /// As EXIF has it, of the picture that was decoded; 0 when it says nothing.
  int tiff_orientation_ = 0;
  /// Of the picture that is shown; -1 before the first.
  int64_t index_ = -1;
  /// The picture that comes next, which the constructor may have decoded already.
  int64_t next_ = 0;
  bool is_decoded_ = false;
  bool damaged_ = false;
  bool after_gap_ = false;
  Damage damage_;
};

}  // namespace vidgen::video
