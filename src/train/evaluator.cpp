#include "vidgen/train/evaluator.h"

#include <algorithm>
#include <limits>

#include "vidgen/core/log.h"
#include "vidgen/data/evaluation.h"
#include "vidgen/models/pixels.h"

namespace vidgen::train {
namespace {

using core::cat;

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

}  // namespace

Evaluator::Evaluator(const RunOptions& options, const data::ClipCache& cache) : options_(options) {
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
}

Evaluator::Result Evaluator::evaluate(const models::VideoGenerator& generator) const {
  auto latents = models::sample_latents(options_.model.temporal, clips_, options_.data.frames,
                                        static_cast<uint64_t>(options_.train.seed));
  latents.labels = models::labels_in_turn(options_.model.classes(), clips_);
  const auto scores = scorer_->score(models::render(generator, latents));
  return {value_of(scores, options_.train.evaluate.metric), value_of(scores, "diversity")};
}

}  // namespace vidgen::train
