#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "vidgen/checkpoint/checkpoint.h"
#include "vidgen/checkpoint/run_folder.h"
#include "vidgen/core/json.h"
#include "vidgen/core/progress.h"
#include "vidgen/data/loader.h"
#include "vidgen/data/video_set.h"
#include "vidgen/train/device_feed.h"
#include "vidgen/train/gan_step.h"
#include "vidgen/train/goal.h"
#include "vidgen/train/journal.h"
#include "vidgen/train/memory_estimate.h"
#include "vidgen/train/options.h"
#include "vidgen/train/schedule.h"
#include "vidgen/train/watch.h"

namespace vidgen::train {

/// Where a checkpoint's metadata hold what tells its videos from others (data::VideoSet), and the
/// names of the means that meters.sums are of.
constexpr const char* kVideosKey = "videos";
constexpr const char* kMetersKey = "meters.names";

/// A loss or a weight is no longer finite.
class Diverged : public Error {
 public:
  Diverged(const std::string& problem, const std::string& advice)
      : Error(problem + ". " + advice), problem_(problem) {}
  /// What is not finite, and where.
  const std::string& problem() const { return problem_; }

 private:
  std::string problem_;
};

/// A training run: data, networks, and what is written along the way.
class Trainer {
 public:
  /// Opens (or makes) the clip cache, if clips are read, and builds the networks. Throws
  /// vidgen::Error for what is wrong with the options, the teacher, the data or the device. Writes
  /// nothing into the run's folder yet.
  explicit Trainer(const RunOptions& options, Goal goal = {});

  /// Goes on from a checkpoint, bit for bit as if the run had never stopped where nothing is
  /// another. Says in one line each, and in the log, which keys are (a key that is younger than the
  /// checkpoint had its default), which videos came, went or changed, and what state begins anew.
  /// Throws vidgen::Error for a key that is not free (core::AtResume), and checkpoint::Damaged when
  /// a tensor is missing; then this trainer is of no use any more.
  void resume(const checkpoint::Checkpoint& checkpoint);

  /// Begins a new run with what fits of a file: take_what_fits().
  void init_from(checkpoint::Checkpoint start);

  /// Begins with the averaged generator of a file in place of an initialised one, its masks and its
  /// passes, and writes that into the run's folder as the checkpoint of step 0. Throws
  /// vidgen::Error as checkpoint::load_weights(), and when it cannot be written.
  void begin_with(const checkpoint::Checkpoint& start);

  enum class End { kFinished, kInterrupted };
  /// Trains until train.steps, or until train.minutes are over, or until its goal (kFinished), or
  /// until a stop is asked for (core::interrupted()), with a checkpoint at the end in all cases.
  /// Throws Diverged when a loss is no longer finite, naming the step, the loss and the last good
  /// checkpoint, unless train.on_divergence lets it go on, and vidgen::Error when something cannot
  /// be written.
  End run();

  /// Runs a step to warm up, some to measure, and what else a run does now and then; writes nothing
  /// but changes the networks.
  RunCosts measure_costs();

  /// As given, with the names of the classes and the hash of the teacher's file.
  const RunOptions& options() const { return options_; }
  /// None where the run reads no clips.
  const data::ClipDataset* dataset() const { return dataset_.get(); }
  int64_t step() const { return step_; }
  /// Steps of the whole run, as far as it is known: with train.minutes it changes on the way.
  int64_t run_length() const { return run_length_.steps(); }
  torch::Device device() const { return device_; }
  const models::ClipShape& shape() const { return shape_; }
  GanStep& gan() { return *gan_; }
  /// What the run takes, as the constructor has compared it with what is free.
  const MemoryEstimate& memory() const { return memory_; }

 private:
  void train_one_step();
  void write_what_is_due();
  void write_log_line();
  void add_means(core::Json& line);
  /// Scores the averaged generator, and asks whether the goal is reached.
  void evaluate(core::Json& line);
  torch::Tensor render_samples();
  void write_samples();
  /// Before the first step: real clips to compare with, samples of a new run, the page.
  void show_the_start();
  void show_the_end();
  /// The steps of run(), with what is written along the way.
  void train_to_the_end();
  void write_checkpoint();
  void write_last_checkpoint();
  void write_weights();
  void write_state(const std::filesystem::path& path);
  void write_best();
  /// At the start: makes sure that the file of the best generator is there, or looks for the best
  /// anew.
  void find_best_file();
  /// Throws again what train.on_divergence does not let it go on from.
  void restore_best(const Diverged& problem);
  /// Throws when a loss of a step since the last call was not finite.
  void check_losses();
  [[noreturn]] void diverged(const std::string& name, int64_t step) const;
  void open_clips();
  void load_teacher();
  void start_loader();
  void visit(checkpoint::StateVisitor& visitor);
  /// Everything but the length of the run.
  checkpoint::StateLoader load_state(const checkpoint::Checkpoint& checkpoint);
  /// Everything but the tensors.
  checkpoint::Checkpoint describe(checkpoint::Kind kind, std::filesystem::path path) const;
  /// Tells run_length_ what the last step took.
  void keep_time(double seconds);
  bool due(int64_t every) const { return every > 0 && step_ % every == 0; }

  const RunOptions options_;
  const Goal goal_;
  const torch::Device device_;
  const checkpoint::RunFolder folder_;
  std::shared_ptr<const data::ClipDataset> dataset_;
  models::ClipShape shape_;
  /// None where none are read.
  std::optional<data::VideoSet> videos_;
  std::unique_ptr<GanStep> gan_;
  MemoryEstimate memory_;
  std::unique_ptr<data::ClipLoader> loader_;
  std::optional<DeviceFeed> feed_;
  std::unique_ptr<Journal> journal_;
  /// What the log is to hold before its next line.
  std::vector<core::Json> events_;
  std::unique_ptr<core::Progress> progress_;

  int64_t step_ = 0;
  RunLength run_length_;
  /// Of train_to_the_end().
  std::chrono::steady_clock::time_point began_;
  double seconds_in_evaluations_ = 0;
  /// The goal is reached, or its time is over.
  bool is_over_ = false;
  PreviewSchedule previews_;
  /// Of the checkpoint that it goes on from, or of a distillation that begins.
  core::Json passes_ = core::Json::array();
  std::optional<Meters> meters_;
  Watch watch_;
  std::optional<std::filesystem::path> last_good_;
  /// Whether there is a checkpoint of step_.
  bool saved_ = false;
  /// Whether RunFolder::best() is a checkpoint of this run.
  bool best_is_kept_ = false;
};

/// The options with the widths of the generator in a checkpoint, when structured pruning made them;
/// as they are otherwise. So a run goes on from its pruned checkpoint without a new configuration.
RunOptions with_pruned_widths(RunOptions options, const checkpoint::Checkpoint& checkpoint);

}  // namespace vidgen::train
