#include "vidgen/train/watch.h"

#include <cmath>

#include "vidgen/checkpoint/recovery.h"
#include "vidgen/core/log.h"
#include "vidgen/core/text.h"
#include "vidgen/losses/adversarial.h"

namespace vidgen::train {

using core::cat;
using core::format_number;

void Watch::visit(checkpoint::StateVisitor& visitor) {
  visitor.counter("best.step", best_step_);
  visitor.number("best.score", best_score_);
  visitor.counter("best.restored", restored_);
}

void Watch::evaluate(const models::VideoGenerator& generator, int64_t step, core::Json& line) {
  const auto& options = options_.train.evaluate;
  const auto found = evaluator_->evaluate(generator);
  line[options.metric] = found.score;
  line["diversity"] = found.diversity;
  for (const auto& [name, value] : found.more) line[name] = value;
  if (found.least_diverse_class) {
    line["class_diversity"] = found.least_diverse_class->diversity().value;
  }
  if (std::isfinite(found.score) &&
      (best_step_ < 0 || metrics::is_better(options.metric, found.score, best_score_))) {
    best_step_ = step;
    best_score_ = found.score;
  }
  restored_ = 0;
  warn_of_collapse(found, step);
  warn_of_collapsed_class(found, step);
}

bool Watch::keeps_best(const std::filesystem::path& path) const {
  try {
    return checkpoint::read_description(path).step == best_step_;
  } catch (const checkpoint::Damaged& damaged) {
    const auto kept = checkpoint::keep_damaged(path);
    core::log_warning(cat(damaged.what(), "; kept as ", kept.string()));
  } catch (const Error&) {
    // There is none.
  }
  return false;
}

void Watch::warn_of_collapse(const Evaluator::Result& found, int64_t step) {
  const double limit = options_.train.evaluate.min_diversity;
  // Untrained networks differ little, too: what comes later is another matter.
  if (found.diversity >= limit) {
    warned_.erase("collapse");
    return;
  }
  warn_once("collapse",
            cat("step ", step, ": the generated clips are nearly all the same: they differ by ",
                format_number(100 * found.diversity, 1), " % of what real clips do (",
                "train.evaluate.min_diversity ", limit,
                "). If that stays so, lower optim.generator.lr, or set loss.r1"));
}

void Watch::warn_of_collapsed_class(const Evaluator::Result& found, int64_t step) {
  if (!found.least_diverse_class) return;
  const auto& least = *found.least_diverse_class;
  const double limit = options_.train.evaluate.min_class_diversity;
  if (least.diversity().value >= limit) {
    warned_.erase("collapse of a class");
    return;
  }
  warn_once(
      "collapse of a class",
      cat("step ", step, ": the generated clips of class ", least.name,
          " are nearly all the same: they differ by ",
          format_number(least.diversity().generated_mean, 1), " grey levels, real ones by ",
          format_number(least.diversity().real_mean, 1), " (train.evaluate.min_class_diversity ",
          limit, "). If that stays so, lower optim.generator.lr, or set loss.r1"));
}

void Watch::check_saturation(const GanStep& gan, const Meters& meters, int64_t step) {
  const double limit = options_.train.saturation * losses::undecided_loss(options_.loss.type);
  // Not asked for, or a loss without a bound.
  if (limit <= 0) return;
  const auto losses = meters.discriminator_losses();
  for (size_t i = 0; i < gan.discriminator_names().size(); ++i) {
    const std::string& name = gan.discriminator_names()[i];
    const double loss = losses.data_ptr<float>()[i];
    if (!(loss < limit)) continue;
    warn_once("saturation of " + name,
              cat("step ", step, ": the discriminator ", name,
                  " tells real clips from generated ones for sure, so that next to nothing is ",
                  "learned from it (its loss is ", format_number(loss, 4), ", train.saturation ",
                  options_.train.saturation,
                  "). Lower optim.discriminator.lr, set loss.r1, or make it smaller"));
  }
}

void Watch::warn_once(const std::string& what, const std::string& message) {
  if (warned_.insert(what).second) core::log_warning(message);
}

void Watch::forget_best_without_score(const checkpoint::Checkpoint& resumed) {
  if (best_step_ < 0) return;
  if (resumed.file.metadata.count("best.score") > 0 && std::isfinite(best_score_)) return;
  core::log_warning(cat(resumed.path.string(), ": the score of the best generator so far (step ",
                        best_step_,
                        ") is missing or not finite; looking for the best from now on"));
  best_step_ = -1;
  best_score_ = 0;
}

}  // namespace vidgen::train
