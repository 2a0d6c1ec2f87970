#pragma once

#include <torch/types.h>

#include <optional>
#include <string>
#include <vector>

#include "vidgen/checkpoint/checkpoint.h"
#include "vidgen/checkpoint/state.h"
#include "vidgen/core/fields.h"
#include "vidgen/core/json.h"
#include "vidgen/data/video_set.h"
#include "vidgen/train/options.h"

/// What is another in a run that goes on than it was when its checkpoint was written.
namespace vidgen::train {

/// A key with two values; null where a list is too short to have it.
struct Change {
  std::string key;
  core::Json before;
  core::Json now;

  /// "0.0002 -> 0.0001".
  std::string values() const;
};

/// The keys in which two resolved configurations differ, in the order of the fields.
std::vector<Change> changes_between(const core::Json& before, const core::Json& now);

/// What may be done about a key of the configuration, such as "model.discriminators[1].widths".
core::AtResume at_resume(const std::string& key);

/// Whether a key of the data decides which real clips there are, and so what scores of evaluations
/// can be compared with.
bool changes_scores(const std::vector<Change>& changes);

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

/// Adds to a checkpoint's metadata how many threads of the CPU it was computed with.
void note_threads(std::map<std::string, std::string>& metadata, torch::Device device);

/// Says so when the run goes on with another number of threads than is noted in the checkpoint: its
/// results are other ones then, by their roundings.
void warn_of_other_threads(const checkpoint::Checkpoint& checkpoint, torch::Device device);

}  // namespace vidgen::train
