#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "vidgen/core/json.h"

namespace vidgen::checkpoint {

/// A file named after the step that it is of.
struct StepFile {
  int64_t step;
  std::filesystem::path path;
};

/// The files of one training run:
///   config.yaml                           the resolved configuration
///   log.jsonl                             one flat JSON object a line, with its "step" or, of what
///                                         happened between steps, an "event" and its "before_step"
///   checkpoints/step-XXXXXXXX.safetensors the last few
///   samples/step-XXXXXXXX.png and .mp4    the same latents each time
///   samples/real.png and .mp4             clips of the training data
///   tensorboard/events.out.tfevents.*     the log, the samples, the configuration for TensorBoard
///   report.html                           the run so far as one page
///   best.safetensors                      the checkpoint of the best generator so far
///   weights.safetensors                   the averaged generator, written at the end
class RunFolder {
 public:
  explicit RunFolder(std::filesystem::path path) : path_(std::move(path)) {}

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path config() const { return path_ / "config.yaml"; }
  /// "" when there is none.
  std::string config_text() const;
  std::filesystem::path log() const { return path_ / "log.jsonl"; }
  std::filesystem::path weights() const { return path_ / "weights.safetensors"; }
  std::filesystem::path best() const { return path_ / "best.safetensors"; }
  std::filesystem::path samples() const { return path_ / "samples"; }
  std::filesystem::path tensorboard() const { return path_ / "tensorboard"; }
  std::filesystem::path report() const { return path_ / "report.html"; }
  std::filesystem::path sample(int64_t step, const std::string& extension) const;
  /// Whether both files of that step's samples are there.
  bool has_samples(int64_t step) const;
  std::filesystem::path real_clips(const std::string& extension) const;
  std::filesystem::path checkpoint(int64_t step) const;

  /// Makes the folders and deletes what an interrupted writer left. Throws vidgen::Error when it
  /// cannot.
  void create() const;
  /// All checkpoints, oldest first.
  std::vector<std::filesystem::path> checkpoints() const;
  std::optional<std::filesystem::path> newest_checkpoint() const;
  /// The sheets of samples up to step `last`, oldest first.
  std::vector<StepFile> sample_sheets(int64_t last) const;
  /// Deletes all but the newest `keep`.
  void keep_newest(int64_t keep) const;

  /// Appends one line to the log. Throws vidgen::Error when it cannot be written whole.
  void append_log(const core::Json& line) const;
  /// Drops the lines of steps after `step`, and a last line that was cut short. Calls `keep` with
  /// each line that stays.
  void rewind_log(int64_t step, const std::function<void(const core::Json&)>& keep) const;

 private:
  std::filesystem::path path_;
};

/// What a run's folder stands for where a file is wanted.
enum class Prefer { kWeights, kCheckpoint };

/// The file that RUN_DIR|FILE stands for: a file itself; in a run's folder the weights or the
/// newest checkpoint, whichever is preferred, else the other. Throws vidgen::Error when there is
/// neither.
std::filesystem::path find_checkpoint(const std::filesystem::path& run_or_file,
                                      Prefer prefer = Prefer::kWeights);

}  // namespace vidgen::checkpoint
