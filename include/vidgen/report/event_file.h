#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "vidgen/video/frame.h"

namespace vidgen::report {

/// A file that TensorBoard shows while it grows. Each call adds a whole record, so what is there
/// can be read at any time, also after a crash. Everything throws vidgen::Error, naming the file
/// and the system's reason, when it cannot be written.
///
/// Format: TFRecord frames (length, data, a masked CRC-32C of each) around tensorflow.Event
/// messages of file version 2 (tensorflow/core/util/event.proto,
/// tensorflow/core/framework/summary.proto).
class EventFile {
 public:
  /// A new file in `folder`, which is made if there is none. Of what earlier files in the folder
  /// hold, TensorBoard forgets all from `first_step` on: a run that is resumed is shown as one.
  EventFile(const std::filesystem::path& folder, int64_t first_step);

  const std::filesystem::path& path() const { return path_; }
  /// Brings what was added to the disk, so that no power cut takes it away.
  void flush() const;

  void add_scalars(int64_t step, const std::vector<std::pair<std::string, double>>& values);
  /// Stored as PNG.
  void add_image(int64_t step, const std::string& tag, const video::Frame& image);
  void add_text(int64_t step, const std::string& tag, const std::string& markdown);

 private:
  /// `event`: a serialised tensorflow.Event.
  void append(const std::string& event) const;

  std::filesystem::path path_;
};

}  // namespace vidgen::report
