#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "vidgen/core/error.h"

namespace vidgen::core {

/// Somebody else holds a lock; the message names the process, its host and since when.
class InUse : public Error {
 public:
  using Error::Error;
};

/// Keeps other processes of vidgen from writing what this one writes: a hidden file beside the
/// output, or inside the folder, that is locked (flock) until the end of the scope or of the
/// process, however it ends. On file systems without locks it is a lease: the file's time of change
/// is kept new, and who finds it a minute old takes it over.
class OutputLock {
 public:
  /// Of a file, or of a folder that is there already. Throws InUse, and vidgen::Error when the lock
  /// cannot be made.
  explicit OutputLock(const std::filesystem::path& output);
  /// Nothing where somebody else holds it.
  static std::optional<OutputLock> try_lock(const std::filesystem::path& output);

 private:
  struct Held;
  explicit OutputLock(std::shared_ptr<Held> held) : held_(std::move(held)) {}

  /// Shared by copies; gives the lock back when the last of them goes.
  std::shared_ptr<Held> held_;
};

/// A folder for results, made with its parents where it is missing, and locked. What was made goes
/// again at the end of the scope if nothing was put there.
class OutputFolder {
 public:
  /// Throws as make_folder() and OutputLock.
  explicit OutputFolder(const std::filesystem::path& folder);
  ~OutputFolder();
  OutputFolder(const OutputFolder&) = delete;
  OutputFolder& operator=(const OutputFolder&) = delete;

 private:
  /// Innermost first.
  std::vector<std::filesystem::path> made_;
  std::optional<OutputLock> lock_;
};

/// What a process says of itself to those that its locks keep out: "vidgen train".
void set_process_title(std::string title);

}  // namespace vidgen::core
