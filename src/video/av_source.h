#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "av_errors.h"
#include "damage_tracker.h"
#include "picture_source.h"

namespace vidgen::video {

/// The pictures of a file's video stream, decoded by FFmpeg; other streams are not read.
class AvSource : public PictureSource {
 public:
  /// `threads` decode at the same time; 0 is one for each core. Throws vidgen::Error naming the
  /// file when FFmpeg cannot read it. No other file is opened, whatever a playlist names.
  AvSource(const std::filesystem::path& path, int threads);

  const SourceHeader& header() const override { return header_; }
  bool next() override;
  const AVFrame& picture() const override { return *picture_; }
  double time() const override;
  double duration() const override;
  Orientation orientation() const override;
  bool is_after_gap() const override { return tracker_->is_after_gap(); }
  Damage damage() const override { return tracker_->damage(); }

 private:
  void open_file();
  void find_stream();
  void open_codec(int threads);

  bool decode();
  void set_fields();
  bool is_intra_only() const;
  void send_packet();
  bool is_wanted(const AVPacket& packet) const;
  bool read_packet(AVPacket& packet);
  bool has_all() const;
  std::string abrupt_end() const;
  double distance_ahead() const;
  void look_for_loss();
  bool skips_entries();
  void collect_errors();
  void note_failure(int code);
  double seconds(int64_t stamp) const;

  const std::filesystem::path path_;
  AvErrors errors_;  // outlives what reports to it
  AvFile file_;      // closed after the input that reads it
  AvInput input_;
  AvCodec codec_;
  const AVCodec* decoder_ = nullptr;
  /// The one to be decoded, and the one behind it.
  AvPacket packet_{av_packet_alloc()};
  AvPacket ahead_{av_packet_alloc()};
  bool has_ahead_ = false;
  /// Whether another recording begins with the packet ahead.
  bool begins_ = false;
  AvFrame picture_{av_frame_alloc()};
  /// How the pictures themselves ask to be turned.
  std::optional<Orientation> turned_;
  AVStream* stream_ = nullptr;
  SourceHeader header_;
  bool indexed_ = false;
  std::optional<DamageTracker> tracker_;
  /// What the container reported while its streams were being found, which is read far ahead.
  std::string early_error_;
  double usual_distance_ = 0;
  bool was_marked_ = false;
  /// How many are to be read; 0 is all.
  int64_t pictures_ = 0;
  /// Of an AVI's index, the first that is not read yet.
  int entry_ = 0;
  /// What FFmpeg said where the packets ended.
  int end_code_ = AVERROR_EOF;
  /// The last packet in which something was wrong.
  int64_t last_error_ = -1;
};

}  // namespace vidgen::video
