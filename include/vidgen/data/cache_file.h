#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "vidgen/core/disk.h"
#include "vidgen/core/files.h"
#include "vidgen/data/video_report.h"
#include "vidgen/video/frame.h"

/// The decoded frames of one video on disk: 32 KiB that hold "VGCLIPS2", the length of the header,
/// the header (JSON: key, frames, height, width, channels, checksums, report), and, in their last
/// eight bytes, the checksum of it with the zeros behind it (its length is the seed); room for so
/// many checksums, of which each frame has one, for which its number is the seed; and the frames,
/// uint8 [frames, height, width, channels]. Numbers are uint64, little-endian, checksums those of
/// core::checksum().
namespace vidgen::data {

/// The bytes of a file that is read at random. It stays open, or, beyond most_open() files, is
/// opened each time: the system limits how many a process may have open (ulimit -n).
class CacheBytes {
 public:
  /// Throws vidgen::Error when the file cannot be read.
  explicit CacheBytes(std::filesystem::path path);
  ~CacheBytes();
  CacheBytes(const CacheBytes&) = delete;
  CacheBytes& operator=(const CacheBytes&) = delete;

  const std::filesystem::path& path() const { return path_; }
  uint64_t size() const { return size_; }
  /// To read from. Throws vidgen::Error naming the file when it cannot be opened any more, or
  /// another one has taken its place.
  std::shared_ptr<const core::InputFile> open() const;
  /// Deletes the file, if it is still the one that was opened. False when it is there afterwards.
  bool remove() const;

  /// May be changed before files are opened.
  static std::atomic<int64_t>& most_open();

 private:
  std::filesystem::path path_;
  /// Where it stays open.
  std::shared_ptr<const core::InputFile> file_;
  uint64_t size_ = 0;
  uint64_t inode_ = 0;
};

class CacheFile {
 public:
  /// Null when the file is missing, damaged, of another version or was made for another key: it has
  /// to be made again then. Damage is logged as a warning.
  static std::shared_ptr<const CacheFile> open(const std::filesystem::path& path,
                                               const std::string& key);
  /// Reads all of a file. Returns what is wrong with it, "" when it is as it was written. Throws
  /// vidgen::Error when it cannot be read.
  static std::string find_damage(const std::filesystem::path& path);

  int64_t frames() const { return frames_; }
  int64_t height() const { return height_; }
  int64_t width() const { return width_; }
  int64_t channels() const { return channels_; }
  /// `count` frames from `first` on, `stride` apart, one behind the other. Throws vidgen::Error
  /// when one is not as it was written, having deleted the file, so that it is made again; and as
  /// CacheBytes::open().
  void read(int64_t first, int64_t count, int64_t stride, uint8_t* out) const;
  /// Of the decoding that made the file.
  const VideoReport& report() const { return report_; }

 private:
  explicit CacheFile(const std::filesystem::path& path) : file_(path) {}
  /// What is wrong with the header; "" when it can be trusted.
  std::string read_header();
  bool parse(const std::string& text);
  int64_t frame_bytes() const { return height_ * width_ * channels_; }
  /// As read(). Returns the number of the first frame that is not as it was written, -1 for none.
  int64_t read_and_check(int64_t first, int64_t count, int64_t stride, uint8_t* out) const;

  CacheBytes file_;
  std::string key_;
  int64_t frames_ = 0;
  int64_t height_ = 0;
  int64_t width_ = 0;
  int64_t channels_ = 0;
  int64_t room_for_checksums_ = 0;
  VideoReport report_;
};

/// Writes a cache file frame by frame; it appears under its name with commit(). Failures throw
/// vidgen::Error.
class CacheFileWriter {
 public:
  /// With more frames than expected it ends with a copy of the file.
  explicit CacheFileWriter(const std::filesystem::path& path, int64_t expected_frames = 1000);
  /// All frames have the size of the first.
  void append(const video::Frame& frame);
  /// `key` says what the file was made from: CacheFile::open() must be given the same.
  void commit(const std::string& key, const VideoReport& report);

 private:
  std::string header(const std::string& key, const VideoReport& report) const;
  void write_front(core::AtomicFile& file, std::string header) const;
  void make_room();

  std::filesystem::path path_;
  std::unique_ptr<core::AtomicFile> file_;
  int64_t room_;
  int64_t frames_ = 0;
  int64_t height_ = 0;
  int64_t width_ = 0;
  int64_t channels_ = 0;
  std::vector<uint64_t> checksums_;
};

}  // namespace vidgen::data
