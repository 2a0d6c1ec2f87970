#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "libav.h"
#include "vidgen/video/reader.h"

namespace vidgen::video {

/// How a picture is shown: first mirrored left to right, then turned clockwise.
struct Orientation {
  bool mirrored = false;
  /// 0 to 3.
  int quarter_turns = 0;
};

/// What a file says of its pictures before one is decoded.
struct SourceHeader {
  /// Pixels as they are stored, before they are turned.
  int64_t width = 0;
  int64_t height = 0;
  /// Width of a pixel over its height.
  double pixel_aspect = 1;
  /// Frames a second; 0 when it does not say.
  double fps = 0;
  /// Whether that is the file's own word, not computed from the times of its pictures.
  bool states_rate = false;
  /// How many pictures it counts; 0 when it does not.
  int64_t frames = 0;
  /// When the pictures end, by the word of their own track alone, in seconds on the clock of
  /// PictureSource::time(); 0 when it does not say.
  double end = 0;
  /// An index reaches to the file's end: promised pictures that it does not have are shown by the
  /// one before.
  bool indexed = false;
  /// Lines for the user: what is not read, what is shown in another way than it was meant.
  std::vector<std::string> notes;
};

/// Gives the pictures of one video in the order in which they are shown: an implementation for each
/// way in which videos are kept.
class PictureSource {
 public:
  PictureSource() = default;
  virtual ~PictureSource() = default;
  PictureSource(const PictureSource&) = delete;
  PictureSource& operator=(const PictureSource&) = delete;

  const SourceHeader& header() const { return header_; }
  /// Goes on to the next whole picture, passing over what is damaged; false at the end. Throws
  /// vidgen::Error when the file cannot be read any more (a disk error, not damage).
  virtual bool next() = 0;
  /// In any pixel format of FFmpeg, with what is known of its colours and pixel aspect; valid until
  /// next().
  const AVFrame& picture() const { return *picture_; }
  /// When the picture is shown, in seconds from wherever the file counts; NaN when it does not say.
  virtual double time() const = 0;
  /// For how long, in seconds; 0 when it does not say.
  virtual double duration() const = 0;
  virtual Orientation orientation() const { return {}; }
  /// Whether pictures are missing between this one and the one before.
  virtual bool is_after_gap() const { return after_gap_; }
  /// What was found of damage so far; its times are those of time().
  virtual Damage damage() const { return damage_; }

 protected:
  /// The next picture is whole; `gap` tells whether others are missing before it in the source.
  void accept(bool gap = false);
  /// The next picture, which begins at that time, is damaged.
  void leave_out(double seconds, const std::string& reason);

  SourceHeader header_;
  AvFrame picture_{av_frame_alloc()};
  Damage damage_;

 private:
  bool any_accepted_ = false;
  /// Whether the picture before was left out.
  bool damaged_ = false;
  bool after_gap_ = false;
};

/// Whatever can play `path`. Throws vidgen::Error naming it and the reason when nothing can.
std::unique_ptr<PictureSource> open_pictures(const std::filesystem::path& path,
                                             const ReaderOptions& options);

/// The pictures of a file's video stream, decoded by FFmpeg; other streams are not read. `threads`
/// decode at the same time; 0 is one for each core. Throws vidgen::Error naming the file when
/// FFmpeg cannot read it. No other file is opened, whatever a playlist names.
std::unique_ptr<PictureSource> open_with_ffmpeg(const std::filesystem::path& path, int threads);

/// An animated WebP, once through however often it asks to be repeated: FFmpeg reads single ones
/// only. Throws vidgen::Error naming the file when not even its first picture is whole.
std::unique_ptr<PictureSource> open_webp(const std::filesystem::path& path, int threads);

/// Numbered pictures, one after the other at a fixed rate. `files` are in order, those of
/// pictures_of(path). Throws vidgen::Error, naming `path`, when none can be decoded.
std::unique_ptr<PictureSource> open_sequence(const std::filesystem::path& path,
                                             std::vector<std::filesystem::path> files, double fps);

/// The pictures of a DICOM recording (an ultrasound cine, an angiography), by DCMTK, at the times
/// that its tags give. Nothing that the file says of the patient is looked at. Throws vidgen::Error
/// naming the file when it cannot be read, and when vidgen was built without DCMTK.
std::unique_ptr<PictureSource> open_dicom(const std::filesystem::path& path);
/// Whether a DICOM file holds several pictures, or may do so as far as can be told.
bool is_dicom_recording(const std::filesystem::path& path);

}  // namespace vidgen::video
