#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "libav.h"

namespace vidgen::video {

/// What FFmpeg reports about one file, instead of printing it: most damage it only mentions in its
/// log, and goes on.
class AvErrors {
 public:
  struct Entry {
    /// AVCodecContext::reordered_opaque of the packet that was being decoded; INT64_MIN where the
    /// container was being read.
    int64_t packet;
    std::string text;
  };
  static constexpr int64_t kContainer = INT64_MIN;

  /// Collects the errors of an object that was just allocated, from whatever thread they come.
  void watch(AVFormatContext& input) { input.opaque = this; }
  void watch(AVCodecContext& codec) { codec.opaque = this; }
  /// What came since the last call, in the order in which it came.
  std::vector<Entry> take();

  void add(Entry entry);

 private:
  std::mutex mutex_;
  std::vector<Entry> entries_;
};

}  // namespace vidgen::video
