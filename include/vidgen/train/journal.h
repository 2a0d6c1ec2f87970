#pragma once

#include <torch/types.h>

#include <chrono>
#include <optional>

#include "vidgen/checkpoint/run_folder.h"
#include "vidgen/checkpoint/run_log.h"
#include "vidgen/core/json.h"
#include "vidgen/report/event_file.h"
#include "vidgen/train/run_page.h"

namespace vidgen::train {

/// What a run tells about itself while it goes: log.jsonl and samples, and, where the options ask
/// for them, TensorBoard's event files and report.html. Everything throws vidgen::Error when
/// something cannot be written.
class Journal {
 public:
  /// Makes the run's folder, or goes on in it after `step`: what was logged of later steps is
  /// dropped. The clock of the run goes on from now.
  Journal(const RunOptions& options, int64_t step);

  /// Adds a line, with the time, to the log. It holds a "step" and numbers.
  void log(core::Json line);
  /// Adds a line with an "event" that comes before `step`, and texts; none where it is null.
  void event(int64_t step, const core::Json& event);
  /// Clips from the same latents each time: uint8 RGB [N,T,H,W,3] on the CPU.
  void samples(int64_t step, const torch::Tensor& clips, double fps);
  /// Clips of the training data, to be shown beside them.
  void real_clips(const torch::Tensor& clips, double fps);
  /// Brings the log, for TensorBoard too, to the disk: what a checkpoint has behind it stands
  /// there.
  void flush() const;
  /// Brings report.html up to date: at `step` of `steps`.
  void update_page(int64_t step, int64_t steps, RunState state);

 private:
  /// With the time.
  void append(core::Json& line);
  /// Begins the file with the first thing that is to be in it.
  report::EventFile& events();

  const bool with_events_;
  const checkpoint::RunFolder folder_;
  const checkpoint::RunLog log_;
  /// Of which something can come; that of step 0 comes before training.
  const int64_t first_step_;
  std::optional<report::EventFile> events_;
  std::optional<RunPage> page_;
  /// Training time of the parts of the run before this one.
  double seconds_before_ = 0;
  std::chrono::steady_clock::time_point started_;
};

}  // namespace vidgen::train
