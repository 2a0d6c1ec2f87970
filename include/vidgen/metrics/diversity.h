#pragma once

#include <torch/types.h>

/// Distances between whole clips: the root of the mean squared difference of their pixels, in grey
/// levels. Clips are uint8 [N,T,H,W,C]; the results are exact but for the last rounding.
namespace vidgen::metrics {

/// The mean distance of two different clips of a set of at least 2; 0 when all are the same.
double mean_pairwise_distance(const torch::Tensor& clips);

/// The distance of each clip to the nearest of `others`: [N], float64.
torch::Tensor nearest_distances(const torch::Tensor& clips, const torch::Tensor& others);

}  // namespace vidgen::metrics
