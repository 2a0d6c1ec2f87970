#pragma once

#include <torch/types.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "vidgen/checkpoint/checkpoint.h"
#include "vidgen/checkpoint/state.h"
#include "vidgen/core/json.h"
#include "vidgen/data/cache.h"
#include "vidgen/metrics/class_scores.h"
#include "vidgen/metrics/scores.h"
#include "vidgen/models/video_generator.h"
#include "vidgen/train/gan_step.h"
#include "vidgen/train/options.h"

namespace vidgen::train {

/// What the steps since the last line of the log have measured, summed up on the device, so that no
/// step waits for it.
class Meters {
 public:
  Meters(const GanStep& gan, torch::Device device);

  /// What the GAN measured in its step, after which the run is at `step`.
  void add(const GanStep& gan, int64_t step);
  void reset();
  /// Steps a second since reset() or start_clock(), without the time that was spent otherwise.
  double steps_per_second() const;
  void start_clock() { started_ = std::chrono::steady_clock::now(); }
  void exclude(std::chrono::steady_clock::duration time) { started_ += time; }
  /// Adds the means of GanStep::metrics() to a line of the log.
  void write_means(const GanStep& gan, core::Json& line) const;
  /// Those of GanStep::discriminator_losses(). They are not kept in checkpoints: after a resume
  /// they begin anew.
  torch::Tensor discriminator_losses() const;

  /// The first loss that was not finite, by its number in GanStep::metrics(), and after which step.
  std::optional<std::pair<size_t, int64_t>> bad_loss(const GanStep& gan) const;
  void forget_bad_losses() { first_bad_step_.fill_(-1); }

  void visit(checkpoint::StateVisitor& visitor);

 private:
  torch::Tensor sums_;
  int64_t count_ = 0;
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  torch::Tensor loss_sums_;
  /// Those of this process.
  int64_t loss_count_ = 0;
  /// At which each metric was not finite, -1 for none.
  torch::Tensor first_bad_step_;
};

/// Measures generators as train.evaluate says. The numbers are those that `vidgen eval` gives with
/// as many clips and train.seed as its seed: a function of the weights and the options, whatever
/// the step.
class Evaluator {
 public:
  /// With fewer real clips a warning is given. The mean over n clips is off by 1/sqrt(n) of how
  /// much they differ, which is a seventh at 50 and a third at 10: generators that differ by less
  /// are then ranked by chance.
  static constexpr int64_t kFewClips = 50;

  /// Reads the real clips, held-out ones where there are some, and computes what depends on them
  /// alone. Throws vidgen::Error when there are too few, or too few frames for the metric.
  Evaluator(const RunOptions& options, const data::ClipCache& cache);

  struct Result {
    /// Of train.evaluate.metric.
    double score = 0;
    /// The metric of this name.
    double diversity = 0;
    /// The class whose clips differ least, measured by what real ones of it do; nothing where clips
    /// have no classes, or too few clips of each.
    std::optional<metrics::ClassScores> least_diverse_class;
  };
  Result evaluate(const models::VideoGenerator& generator) const;

 private:
  const RunOptions options_;
  /// Clips in each set.
  int64_t clips_ = 0;
  std::unique_ptr<const metrics::Scorer> scorer_;
  /// Of the real clips, and so of the generated ones. A student of a teacher with classes may have
  /// videos without: each class in turn.
  models::ConditionSampler conditions_;
  /// For diversity alone. Null without classes.
  std::unique_ptr<const metrics::ClassScorer> class_scorer_;
};

/// Watches over a training: scores its generator, remembers which was the best, and says once what
/// goes wrong.
class Watch {
 public:
  explicit Watch(const RunOptions& options) : options_(options) {}
  /// With train.evaluate.every.
  void set_evaluator(std::unique_ptr<const Evaluator> evaluator) {
    evaluator_ = std::move(evaluator);
  }
  const Evaluator* evaluator() const { return evaluator_.get(); }

  /// Scores a generator after so many steps: a line of the log gets its scores.
  void evaluate(const models::VideoGenerator& generator, int64_t step, core::Json& line);
  /// Warns of discriminators that learn nothing more, by the means of their losses, which are read
  /// from the device only where train.saturation asks for it.
  void check_saturation(const GanStep& gan, const Meters& meters, int64_t step);

  /// The step of the best generator so far, -1 when there is none.
  int64_t best_step() const { return best_step_; }
  void forget_best() { best_step_ = -1; }
  /// Whether the file is the best generator's checkpoint. One that is damaged is kept aside, since
  /// the next best one would take its place.
  bool keeps_best(const std::filesystem::path& path) const;
  /// Without a score in the file there is nothing to compare with: the next best one is the first.
  void forget_best_without_score(const checkpoint::Checkpoint& resumed);
  /// Whether the state was restored since the last evaluation.
  bool was_restored() const { return restored_ != 0; }
  void note_restored() { restored_ = 1; }

  void visit(checkpoint::StateVisitor& visitor);

 private:
  void warn_of_collapse(const Evaluator::Result& found, int64_t step);
  void warn_of_collapsed_class(const Evaluator::Result& found, int64_t step);
  /// Says it once, until `what` is taken out of warned_.
  void warn_once(const std::string& what, const std::string& message);

  const RunOptions options_;
  std::unique_ptr<const Evaluator> evaluator_;
  int64_t best_step_ = -1;
  double best_score_ = 0;
  int64_t restored_ = 0;
  std::set<std::string> warned_;
};

}  // namespace vidgen::train
