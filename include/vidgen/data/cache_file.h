#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "vidgen/core/files.h"
#include "vidgen/data/cache_bytes.h"
#include "vidgen/data/video_report.h"
#include "vidgen/video/frame.h"

/// The decoded frames of one video on disk: 32 KiB that hold "VGCLIPS1", the length of the header
/// (uint64, little-endian) and the header (JSON: key, frames, height, width, channels, report),
/// then the frames, uint8 [frames, height, width, channels].
namespace vidgen::data {

class CacheFile {
 public:
  /// Null when the file is missing, damaged or was made for another key: it has to be made again
  /// then.
  static std::shared_ptr<const CacheFile> open(const std::filesystem::path& path,
                                               const std::string& key);

  int64_t frames() const { return frames_; }
  int64_t height() const { return height_; }
  int64_t width() const { return width_; }
  int64_t channels() const { return channels_; }
  /// `count` frames from `first` on, one behind the other, as CacheBytes::read().
  const uint8_t* read(int64_t first, int64_t count, std::vector<uint8_t>& buffer) const;
  /// Of the decoding that made the file.
  const VideoReport& report() const { return report_; }

 private:
  explicit CacheFile(const std::filesystem::path& path) : file_(path) {}
  bool parse(const std::string& key);

  CacheBytes file_;
  int64_t frames_ = 0;
  int64_t height_ = 0;
  int64_t width_ = 0;
  int64_t channels_ = 0;
  VideoReport report_;
};

/// Writes a cache file frame by frame; it appears under its name with commit(). Failures throw
/// vidgen::Error.
class CacheFileWriter {
 public:
  explicit CacheFileWriter(const std::filesystem::path& path);
  /// All frames have the size of the first.
  void append(const video::Frame& frame);
  /// `key` says what the file was made from: CacheFile::open() must be given the same.
  void commit(const std::string& key, const VideoReport& report);

 private:
  std::string header(const std::string& key, const VideoReport& report) const;

  core::AtomicFile file_;
  int64_t frames_ = 0;
  int64_t height_ = 0;
  int64_t width_ = 0;
  int64_t channels_ = 0;
};

}  // namespace vidgen::data
