#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace vidgen::checkpoint {

/// A file named after the step that it is of.
struct StepFile {
  int64_t step;
  std::filesystem::path path;
};

/// The files of one training run:
///   config.yaml                           the resolved configuration
///   log.jsonl                             one JSON object a line (RunLog)
///   checkpoints/step-XXXXXXXX.safetensors the last few
///   samples/step-XXXXXXXX.png and .mp4    the same latents each time
///   samples/real.png and .mp4             clips of the training data
///   tensorboard/events.out.tfevents.*     the log, the samples, the configuration for TensorBoard
///   report.html                           the run so far as one page
///   best.safetensors                      the checkpoint of the best generator so far
///   weights.safetensors                   the averaged generator, written at the end
///   aside/, aside.2/, ...                 what was of later steps when the run went back
///   *.damaged                             what could not be read when the run went on
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
  std::vector<StepFile> checkpoints() const;
  std::optional<std::filesystem::path> newest_checkpoint() const;
  /// The sheets of samples up to step `last`, oldest first.
  std::vector<StepFile> sample_sheets(int64_t last) const;
  /// The files of samples of steps after `step`.
  std::vector<std::filesystem::path> samples_after(int64_t step) const;
  /// Deletes all but the newest `keep`.
  void keep_newest(int64_t keep) const;

 private:
  std::filesystem::path path_;
};

}  // namespace vidgen::checkpoint
