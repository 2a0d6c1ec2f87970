#pragma once

#include <filesystem>
#include <memory>
#include <set>
#include <string>

#include "vidgen/checkpoint/checkpoint.h"
#include "vidgen/checkpoint/state.h"
#include "vidgen/core/json.h"
#include "vidgen/train/evaluator.h"
#include "vidgen/train/gan_step.h"
#include "vidgen/train/meters.h"

namespace vidgen::train {

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
