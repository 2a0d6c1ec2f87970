#include <cmath>

#include "vidgen/checkpoint/damaged.h"
#include "vidgen/checkpoint/recovery.h"
#include "vidgen/core/log.h"
#include "vidgen/core/text.h"
#include "vidgen/losses/adversarial.h"
#include "vidgen/train/trainer.h"

/// What watches over a run: evaluations, the best generator, warnings, the way back.
namespace vidgen::train {
namespace {

using core::cat;
using core::format_number;

/// Whether this is the checkpoint of that step. One that is damaged is kept aside, since the next
/// best generator would take its place.
bool is_checkpoint_of(const std::filesystem::path& path, int64_t step) {
  try {
    return checkpoint::read_description(path).step == step;
  } catch (const checkpoint::Damaged& damaged) {
    const auto kept = checkpoint::keep_damaged(path);
    core::log_warning(cat(damaged.what(), "; kept as ", kept.string()));
    return false;
  } catch (const Error&) {
    return false;
  }
}

}  // namespace

void Trainer::evaluate(core::Json& line) {
  const auto started = std::chrono::steady_clock::now();
  const auto& options = options_.train.evaluate;
  gan_->calibrate();
  const auto found = evaluator_->evaluate(gan_->ema_generator());
  line[options.metric] = found.score;
  line["diversity"] = found.diversity;
  if (found.least_diverse_class) {
    line["class_diversity"] = found.least_diverse_class->diversity().value;
  }
  if (std::isfinite(found.score) &&
      (best_step_ < 0 || metrics::is_better(options.metric, found.score, best_score_))) {
    best_step_ = step_;
    best_score_ = found.score;
  }
  restored_ = 0;
  warn_of_collapse(found);
  warn_of_collapsed_class(found);
  // The speed in the log is that of training.
  line_started_ += std::chrono::steady_clock::now() - started;
}

void Trainer::warn_of_collapse(const Evaluator::Result& found) {
  const double limit = options_.train.evaluate.min_diversity;
  // Untrained networks differ little, too: what comes later is another matter.
  if (found.diversity >= limit) {
    warned_.erase("collapse");
    return;
  }
  warn_once("collapse",
            cat("step ", step_, ": the generated clips are nearly all the same: they differ by ",
                format_number(100 * found.diversity, 1), " % of what real clips do (",
                "train.evaluate.min_diversity ", limit,
                "). If that stays so, lower optim.generator.lr, or set loss.r1"));
}

void Trainer::warn_of_collapsed_class(const Evaluator::Result& found) {
  if (!found.least_diverse_class) return;
  const auto& least = *found.least_diverse_class;
  const double limit = options_.train.evaluate.min_class_diversity;
  if (least.diversity().value >= limit) {
    warned_.erase("collapse of a class");
    return;
  }
  warn_once(
      "collapse of a class",
      cat("step ", step_, ": the generated clips of class ", least.name,
          " are nearly all the same: they differ by ",
          format_number(least.diversity().generated_mean, 1), " grey levels, real ones by ",
          format_number(least.diversity().real_mean, 1), " (train.evaluate.min_class_diversity ",
          limit, "). If that stays so, lower optim.generator.lr, or set loss.r1"));
}

void Trainer::warn_of_saturation() {
  const double limit = options_.train.saturation * losses::undecided_loss(options_.loss.type);
  // Not asked for, or a loss without a bound.
  if (limit <= 0) return;
  const auto means = (loss_sums_ / static_cast<double>(loss_count_)).to(torch::kCPU);
  for (size_t i = 0; i < gan_->discriminator_names().size(); ++i) {
    const std::string& name = gan_->discriminator_names()[i];
    const double loss = means.data_ptr<float>()[i];
    if (!(loss < limit)) continue;
    warn_once("saturation of " + name,
              cat("step ", step_, ": the discriminator ", name,
                  " tells real clips from generated ones for sure, so that next to nothing is ",
                  "learned from it (its loss is ", format_number(loss, 4), ", train.saturation ",
                  options_.train.saturation,
                  "). Lower optim.discriminator.lr, set loss.r1, or make it smaller"));
  }
}

void Trainer::warn_once(const std::string& what, const std::string& message) {
  if (warned_.insert(what).second) core::log_warning(message);
}

void Trainer::write_best() {
  write_state(folder_.best());
  best_is_kept_ = true;
}

void Trainer::find_best_file() {
  if (best_step_ < 0) return;
  best_is_kept_ = is_checkpoint_of(folder_.best(), best_step_);
  if (best_is_kept_) return;
  if (best_step_ == step_) return write_best();
  // The run goes on in another folder, or somebody took the file away.
  core::log_info(cat(folder_.best().string(), ": is not that of step ", best_step_,
                     ", the best generator so far; looking for the best from now on"));
  best_step_ = -1;
}

void Trainer::forget_best_without_score(const checkpoint::Checkpoint& resumed) {
  if (best_step_ < 0) return;
  if (resumed.file.metadata.count("best.score") > 0 && std::isfinite(best_score_)) return;
  core::log_warning(cat(resumed.path.string(), ": the score of the best generator so far (step ",
                        best_step_,
                        ") is missing or not finite; looking for the best from now on"));
  best_step_ = -1;
  best_score_ = 0;
}

void Trainer::restore_best(const Diverged& problem) {
  const bool wanted = options_.train.on_divergence == OnDivergence::kRestoreBest;
  if (!wanted || !best_is_kept_ || restored_ != 0) throw problem;
  try {
    load_state(checkpoint::read_checkpoint(folder_.best())).finish();
  } catch (const checkpoint::Damaged& damaged) {
    core::log_warning(damaged.what());
    throw problem;
  }
  restored_ = 1;
  first_bad_step_.fill_(-1);
  reset_meters();
  core::log_warning(cat(problem.problem(), ": step ", step_, " goes on from the state of step ",
                        best_step_,
                        ", the best so far. If that happens again, lower the learning rates, or "
                        "set optim.clip_grad_norm"));
}

}  // namespace vidgen::train
