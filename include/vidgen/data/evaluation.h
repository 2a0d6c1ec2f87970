#pragma once

#include <torch/types.h>

#include <string>
#include <vector>

#include "vidgen/data/dataset.h"

namespace vidgen::data {

/// The clips at these places, RGB: uint8 [N,frames,size,size,3]; grey is repeated.
torch::Tensor read_clips(const ClipDataset& dataset, const std::vector<ClipPlace>& places);

/// Clips without a common frame as they come, of the classes in turn where there are some: at most
/// `count`, a pure function of the seed. RGB as read_clips().
torch::Tensor draw_clips(const ClipDataset& dataset, int64_t count, uint64_t seed);

/// Real clips that generated ones are compared with. No two of all these clips share a frame.
struct EvaluationClips {
  /// uint8 RGB [N,frames,size,size,3], N the same in both.
  torch::Tensor real;
  torch::Tensor other_real;
  /// The class of each of them; none without classes. Both sets have the classes in turn, whatever
  /// their shares in the data, as far as there are clips: generated clips of the classes of `real`
  /// differ from real ones in nothing but how they look.
  std::vector<std::string> classes;
  std::vector<std::string> other_classes;
  /// Clips that a generator was trained on; none when there are no more.
  torch::Tensor training;
  /// Clips without a common frame that `real` and `other_real` were drawn from.
  int64_t available = 0;
  /// Whether `real` and `other_real` are clips that were kept from training.
  bool held_out = false;
};

struct EvaluationOptions {
  /// Clips in each of the two sets of real clips, where there are as many.
  int64_t count = 256;
  /// Clips to compare with for copies, at most; 0 draws none.
  int64_t training_count = 1024;
  uint64_t seed = 0;
  /// Of data with classes, those to draw `real` and `other_real` of; empty takes all.
  std::vector<std::string> classes{};
};

/// Draws the clips, a pure function of the seed. `training` is null when there are no held-out
/// clips: then those to compare with for copies come from `real` as well, which is divided in three
/// instead of two. Throws vidgen::Error when there is not enough for two clips in each set.
EvaluationClips draw_evaluation_clips(const ClipDataset& real, const ClipDataset* training,
                                      const EvaluationOptions& options);

/// The same of the data that a generator is trained on: held-out clips where data.validation_split
/// keeps some, else training clips.
EvaluationClips draw_evaluation_clips(const DataOptions& data, const ClipCache& cache,
                                      const EvaluationOptions& options);

}  // namespace vidgen::data
