#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>

#include "vidgen/core/json.h"

namespace vidgen::checkpoint {

/// log.jsonl of a run. Each line is a JSON object with a
/// "step", or of what happened between steps an "event" and its "before_step". The
/// file only grows while a run goes; what a power cut or another program left in it is kept aside,
/// never dropped. Every failure throws vidgen::Error, naming the file and the system's reason.
class RunLog {
 public:
  explicit RunLog(std::filesystem::path path) : path_(std::move(path)) {}

  /// Adds one line, whole or, where the disk is full, in part.
  void append(const core::Json& line) const;
  /// Brings the lines to the disk, so that no power cut takes them away.
  void flush() const;

  /// Ends the log behind `step`: the lines of later steps are dropped. Calls `keep` with each line
  /// that stays. What is no line of a log goes to damaged(), with a warning. Where all stays
  /// nothing is written; where a part cannot be read the log stays as it is.
  void rewind(int64_t step, const std::function<void(const core::Json&)>& keep) const;
  /// Appends the lines of steps after `step` to another file; returns how many there are.
  int64_t copy_later(int64_t step, const std::filesystem::path& to) const;

  /// log.jsonl.damaged.
  std::filesystem::path damaged() const;

 private:
  std::filesystem::path path_;
};

}  // namespace vidgen::checkpoint
