#pragma once

#include <torch/types.h>

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "vidgen/checkpoint/run_folder.h"
#include "vidgen/checkpoint/run_log.h"
#include "vidgen/core/json.h"
#include "vidgen/report/event_file.h"
#include "vidgen/report/html.h"
#include "vidgen/train/options.h"

namespace vidgen::train {

enum class RunState {
  /// The page is written again; a browser loads it again by itself.
  kTraining,
  /// Finished or stopped.
  kEnded
};

/// The page about a run, report.html in its folder: how far it is, curves, samples over time beside
/// real clips, how to go on. It is made from what is on the disk, so a crash costs nothing; its
/// size is bounded: a few hundred points a curve, a few pictures of limited size.
class RunPage {
 public:
  explicit RunPage(const RunOptions& options);

  /// Adds a line of the log.
  void add_line(const core::Json& line);
  /// Writes the page as of `step` of `steps`, whole or not at all; throws vidgen::Error when it
  /// cannot.
  void write(int64_t step, int64_t steps, RunState state);

 private:
  report::Html progress(int64_t step, int64_t steps, RunState state) const;
  report::Html charts() const;
  report::Html chart(const std::string& title, const std::vector<report::Series>& series,
                     report::Scale scale) const;
  report::Html newest_samples(const checkpoint::StepFile& sheet) const;
  /// Nothing where the run made no sheet of them.
  report::Html real_clips() const;
  report::Html earlier_samples(const std::vector<checkpoint::StepFile>& sheets);
  report::Html how_to_go_on() const;
  /// A picture of at most `rows` clips and 8 frames of each, or a line that says what is wrong with
  /// the file.
  report::Html sheet_picture(const std::filesystem::path& sheet, const std::string& caption,
                             int64_t rows, int64_t width) const;
  /// A large picture, and the clips moving if their file is small enough for a page.
  report::Html moving(const report::Html& picture, const std::filesystem::path& movie) const;

  const RunOptions options_;
  const checkpoint::RunFolder folder_;
  /// The log, a curve for each number in its lines.
  std::vector<double> steps_;
  std::vector<report::Series> curves_;
  /// The last of each number.
  core::Json last_line_ = core::Json::object();
  /// Pictures of earlier samples, by step: shrinking them anew each time would take seconds.
  std::map<int64_t, report::Html> earlier_;
};

/// At most 8 of `count` things in a row, the first and then every 2nd, 4th, 8th ...: what is chosen
/// from more is among what was chosen from fewer.
std::vector<size_t> evenly_chosen(size_t count);

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
