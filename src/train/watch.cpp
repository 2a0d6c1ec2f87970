#include "vidgen/train/watch.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "vidgen/checkpoint/recovery.h"
#include "vidgen/core/log.h"
#include "vidgen/core/text.h"
#include "vidgen/data/evaluation.h"
#include "vidgen/losses/adversarial.h"
#include "vidgen/models/pixels.h"

namespace vidgen::train {
namespace {

using core::cat;
using core::format_number;

data::EvaluationClips draw_real_clips(const RunOptions& options, const data::ClipCache& cache) {
  data::EvaluationOptions wanted;
  wanted.count = options.train.evaluate.clips;
  wanted.seed = static_cast<uint64_t>(options.train.seed);
  if (options.train.evaluate.metric != "nearest") wanted.training_count = 0;
  try {
    return data::draw_evaluation_clips(options.data, cache, wanted);
  } catch (const Error& error) {
    throw Error(cat("train.evaluate: ", error.what()));
  }
}

/// Not a number where the clips do not allow the metric.
double value_of(const std::vector<metrics::Score>& scores, const std::string& name) {
  const auto found = std::find_if(scores.begin(), scores.end(),
                                  [&name](const auto& score) { return score.name == name; });
  return found == scores.end() ? std::numeric_limits<double>::quiet_NaN() : found->value;
}

models::Condition condition_of(const std::vector<std::string>& classes,
                               const std::vector<std::string>& names) {
  std::vector<int64_t> labels;
  for (const auto& name : classes) {
    labels.push_back(std::find(names.begin(), names.end(), name) - names.begin());
  }
  return {torch::tensor(labels, torch::kLong)};
}

std::unique_ptr<const metrics::ClassScorer> make_class_scorer(const data::EvaluationClips& real,
                                                              metrics::ScoreOptions options) {
  options.names = {"diversity"};
  auto scorer = std::make_unique<const metrics::ClassScorer>(
      metrics::ClipSets{{}, real.real, real.other_real, {}}, real.classes, real.other_classes,
      options);
  if (scorer->scored() < scorer->classes()) {
    core::log_info(cat("of ", scorer->classes(), " classes ", scorer->scored(), " have the ",
                       metrics::kFewestForDiversity,
                       " clips that it takes to see whether a class collapses "
                       "(train.evaluate.clips)"));
  }
  return scorer;
}

void warn_of_few(int64_t clips) {
  if (clips >= Evaluator::kFewClips) return;
  core::log_warning(
      cat("train.evaluate: ", clips, " real clips are too few to tell near generators apart: ",
          "which one becomes best.safetensors is largely chance (expected at least ",
          Evaluator::kFewClips, ", from train.evaluate.clips and twice as many clips of the data ",
          "that share no frame)"));
}

}  // namespace

Meters::Meters(const GanStep& gan, torch::Device device) {
  const auto count = static_cast<int64_t>(gan.metric_names().size());
  const auto discriminators = static_cast<int64_t>(gan.discriminators().size());
  sums_ = torch::zeros({count}, torch::TensorOptions(device).dtype(torch::kFloat));
  loss_sums_ = torch::zeros({discriminators}, sums_.options());
  first_bad_step_ = torch::full({count}, -1, torch::TensorOptions(device).dtype(torch::kLong));
}

void Meters::add(const GanStep& gan, int64_t step) {
  sums_ += gan.metrics();
  ++count_;
  loss_sums_ += gan.discriminator_losses();
  ++loss_count_;
  const auto bad = gan.metrics().isfinite().logical_not().logical_and(first_bad_step_ < 0);
  first_bad_step_.masked_fill_(bad, step);
}

void Meters::reset() {
  sums_.zero_();
  count_ = 0;
  loss_sums_.zero_();
  loss_count_ = 0;
  start_clock();
}

double Meters::steps_per_second() const {
  const auto passed = std::chrono::steady_clock::now() - started_;
  const double seconds = std::chrono::duration<double>(passed).count();
  return seconds > 0 ? static_cast<double>(loss_count_) / seconds : 0;
}

void Meters::write_means(const GanStep& gan, core::Json& line) const {
  const auto means = (sums_ / static_cast<double>(count_)).to(torch::kCPU);
  for (size_t i = 0; i < gan.metric_names().size(); ++i)
    line[gan.metric_names()[i]] = means.data_ptr<float>()[i];
}

torch::Tensor Meters::discriminator_losses() const {
  return (loss_sums_ / static_cast<double>(loss_count_)).to(torch::kCPU);
}

std::optional<std::pair<size_t, int64_t>> Meters::bad_loss(const GanStep& gan) const {
  const auto bad = first_bad_step_.to(torch::kCPU);
  for (size_t i = 0; i < gan.metric_names().size(); ++i) {
    const int64_t step = bad.data_ptr<int64_t>()[i];
    // An infinite gradient norm is how loss scaling finds its scale: that step was skipped.
    if (step >= 0 && gan.metric_names()[i].compare(0, 4, "loss") == 0) return std::pair{i, step};
  }
  return std::nullopt;
}

void Meters::visit(checkpoint::StateVisitor& visitor) {
  visitor.tensor("meters.sums", sums_);
  visitor.counter("meters.count", count_);
}

Evaluator::Evaluator(const RunOptions& options, const data::ClipCache& cache)
    : options_(options), conditions_(options.model.condition()) {
  const auto& evaluate = options_.train.evaluate;
  const auto real = draw_real_clips(options_, cache);
  clips_ = real.real.size(0);
  metrics::ScoreOptions what;
  what.names = {evaluate.metric, "diversity"};
  what.seed = static_cast<uint64_t>(options_.train.seed);
  scorer_ = std::make_unique<const metrics::Scorer>(
      metrics::ClipSets{{}, real.real, real.other_real, real.training}, what);
  if (!scorer_->computes(evaluate.metric)) {
    throw Error(cat("train.evaluate.metric: ", evaluate.metric, " cannot be computed of clips of ",
                    real.real.size(1), " frames"));
  }
  core::log_info(cat("evaluating every ", evaluate.every, " steps with ", clips_,
                     real.held_out ? " held-out" : " training", " clips"));
  warn_of_few(clips_);
  if (real.classes.empty()) return;
  conditions_ = models::ConditionSampler(condition_of(real.classes, options_.model.class_names));
  class_scorer_ = make_class_scorer(real, what);
}

Evaluator::Result Evaluator::evaluate(const models::VideoGenerator& generator) const {
  auto latents = models::sample_latents(options_.model.temporal, clips_, options_.data.frames,
                                        static_cast<uint64_t>(options_.train.seed));
  latents.condition = conditions_.in_turn(clips_);
  const auto clips = models::render(generator, latents);
  const auto scores = scorer_->score(clips);
  Result result{
      value_of(scores, options_.train.evaluate.metric), value_of(scores, "diversity"), {}};
  if (!class_scorer_) return result;
  const auto classes = class_scorer_->score(clips);
  if (const auto* least = metrics::least_diverse(classes)) result.least_diverse_class = *least;
  return result;
}

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
