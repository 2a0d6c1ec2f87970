#pragma once

#include <optional>
#include <string>
#include <vector>

#include "vidgen/checkpoint/checkpoint.h"
#include "vidgen/checkpoint/state.h"
#include "vidgen/data/video_set.h"
#include "vidgen/train/changes.h"
#include "vidgen/train/options.h"

namespace vidgen::train {

/// What of a run that goes on from a checkpoint is another than it was there: a line for each, and
/// the same for the log.
class Resumption {
 public:
  /// Throws vidgen::Error for a file that is no checkpoint, a key that is not free
  /// (core::AtResume), and a step beyond the run's end.
  Resumption(const checkpoint::Checkpoint& checkpoint, const RunOptions& options);

  bool changes_length() const;
  /// Compares the run's videos, where it reads some.
  void add_videos(const std::optional<data::VideoSet>& videos);
  void add_state(const checkpoint::StateLoader& loader);
  /// Whether scores from before can be compared with those that come.
  bool keeps_scores() const;
  void add_best_forgotten(int64_t step);
  /// Says it all. Returns the event, null where nothing is another.
  core::Json tell() const;

 private:
  void add(const std::string& what, const std::string& text);

  const checkpoint::Checkpoint& checkpoint_;
  const RunOptions& options_;
  RunOptions stored_;
  std::vector<Change> changes_;
  bool other_videos_ = false, holds_out_more_ = false;
  std::vector<std::string> lines_;
  core::Json event_;
};

/// What tensors may be missing in a checkpoint of a run with the options `stored`, or be of another
/// shape there, since they are state of what can be switched on and off.
std::vector<std::string> switched_state(const RunOptions& stored, const RunOptions& options);

}  // namespace vidgen::train
