#include "vidgen/data/evaluation.h"

#include <algorithm>

#include "vidgen/core/error.h"
#include "vidgen/core/random.h"

namespace vidgen::data {
namespace {

/// The smallest set of which two clips can be compared.
constexpr int64_t kFewestClips = 2;

std::vector<ClipPlace> part(const std::vector<ClipPlace>& places, int64_t first, int64_t count) {
  const auto end = static_cast<int64_t>(places.size());
  const auto begin = places.begin();
  return {begin + std::min(first, end), begin + std::min(first + count, end)};
}

}  // namespace

torch::Tensor read_clips(const ClipDataset& dataset, const std::vector<ClipPlace>& places) {
  auto clips = torch::empty({static_cast<int64_t>(places.size()), dataset.frames(), dataset.size(),
                             dataset.size(), dataset.channels()},
                            torch::kU8);
  constexpr int64_t kWidth = 2;  // of [T,H,W,C]
  for (size_t i = 0; i < places.size(); ++i) {
    auto clip = clips[static_cast<int64_t>(i)];
    if (dataset.clip_at(places[i], clip.data_ptr<uint8_t>())) clip.copy_(clip.flip(kWidth));
  }
  return dataset.channels() == 3 ? clips : clips.expand({-1, -1, -1, -1, 3}).contiguous();
}

EvaluationClips draw_evaluation_clips(const ClipDataset& real, const ClipDataset* training,
                                      const EvaluationOptions& options) {
  const uint64_t seed = core::derive_seed(options.seed, "real");
  const auto places = real.separate_clips(seed);
  EvaluationClips clips;
  clips.available = static_cast<int64_t>(places.size());
  const int64_t parts = !training && options.training_count > 0 ? 3 : 2;
  const int64_t count = std::min(options.count, clips.available / parts);
  if (count < kFewestClips) {
    throw Error(core::cat("too few real clips: ", clips.available, " of ", real.frames(),
                          " frames that share none, expected at least ", parts * kFewestClips));
  }
  clips.real = read_clips(real, part(places, 0, count));
  clips.other_real = read_clips(real, part(places, count, count));
  clips.training =
      training
          ? read_clips(*training, part(training->separate_clips(seed), 0, options.training_count))
          : read_clips(real, part(places, 2 * count, options.training_count));
  return clips;
}

EvaluationClips draw_evaluation_clips(const DataOptions& data, const ClipCache& cache,
                                      const EvaluationOptions& options) {
  const ClipDataset training(data, cache, Split::kTrain);
  if (data.holdout == 0 || cache.videos.size() < 2) {
    return draw_evaluation_clips(training, nullptr, options);
  }
  auto clips = draw_evaluation_clips(ClipDataset(data, cache, Split::kHoldout), &training, options);
  clips.held_out = true;
  return clips;
}

}  // namespace vidgen::data
