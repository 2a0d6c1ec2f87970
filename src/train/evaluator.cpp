#include "vidgen/train/evaluator.h"

#include <algorithm>
#include <limits>

#include "vidgen/core/log.h"
#include "vidgen/data/evaluation.h"
#include "vidgen/models/pixels.h"

namespace vidgen::train {
namespace {

using core::cat;

bool contains(const std::vector<std::string>& names, const char* name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

data::EvaluationClips draw_real_clips(const RunOptions& options, const data::ClipCache& cache,
                                      const std::vector<std::string>& names) {
  data::EvaluationOptions wanted;
  wanted.count = options.train.evaluate.clips;
  wanted.seed = static_cast<uint64_t>(options.train.seed);
  if (!contains(names, "nearest")) wanted.training_count = 0;
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

Evaluator::Evaluator(const RunOptions& options, const data::ClipCache& cache,
                     std::vector<std::string> more)
    : options_(options), more_(std::move(more)), conditions_(options.model.condition()) {
  const auto& evaluate = options_.train.evaluate;
  metrics::ScoreOptions what;
  what.names = {evaluate.metric, "diversity"};
  what.names.insert(what.names.end(), more_.begin(), more_.end());
  const auto real = draw_real_clips(options_, cache, what.names);
  clips_ = real.real.size(0);
  what.seed = static_cast<uint64_t>(options_.train.seed);
  scorer_ = std::make_unique<const metrics::Scorer>(
      metrics::ClipSets{{}, real.real, real.other_real, real.training}, what);
  for (const auto& name : what.names) {
    if (scorer_->computes(name)) continue;
    throw Error(cat(name == evaluate.metric ? "train.evaluate.metric: " : "", name,
                    " cannot be computed of clips of ", real.real.size(1), " frames"));
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
      value_of(scores, options_.train.evaluate.metric), value_of(scores, "diversity"), {}, {}};
  for (const auto& name : more_) result.more[name] = value_of(scores, name);
  if (!class_scorer_) return result;
  const auto classes = class_scorer_->score(clips);
  if (const auto* least = metrics::least_diverse(classes)) result.least_diverse_class = *least;
  return result;
}

}  // namespace vidgen::train
