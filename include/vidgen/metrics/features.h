#pragma once

#include <torch/types.h>

#include <cstdint>

/// Distances between two sets of feature vectors, [N,D] and [M,D], computed in float64 whatever
/// their type.
namespace vidgen::metrics {

/// The distance between the two normal distributions with the sets' means and (unbiased)
/// covariances: |m1 - m2|^2 + tr(S1 + S2 - 2 (S1^1/2 S2 S1^1/2)^1/2). Frechet, 1957; with features
/// of Inception it is the FID of Heusel et al., 2017, with those of I3D the FVD of Unterthiner et
/// al., 2018. At least 2 vectors in each set.
double frechet_distance(const torch::Tensor& a, const torch::Tensor& b);

/// The unbiased estimate of the squared maximum mean discrepancy with the kernel (x.y / D + 1)^3:
/// KID, Binkowski et al.: "Demystifying MMD GANs", 2018. Can be below 0. At least 2 vectors in each
/// set.
double kernel_distance(const torch::Tensor& a, const torch::Tensor& b);

struct KernelDistanceOptions {
  /// Subsets that are drawn, and vectors in each, at most as many as there are. The paper's are 100
  /// of 1000.
  int64_t subsets = 100;
  int64_t subset_size = 1000;
  uint64_t seed = 0;
};

/// The mean of kernel_distance() over random subsets, as in the paper.
double kernel_distance_of_subsets(const torch::Tensor& a, const torch::Tensor& b,
                                  const KernelDistanceOptions& options);

struct PrecisionRecall {
  /// The share of generated vectors that lie among the real ones.
  double precision = 0;
  /// The share of real vectors that lie among the generated ones.
  double recall = 0;
};

/// A vector lies among others when it is as near to one of them as that one's k-th neighbour is:
/// Kynkaanniemi et al.: "Improved precision and recall metric for assessing generative models",
/// 2019. More than k vectors in each set.
PrecisionRecall precision_recall(const torch::Tensor& generated, const torch::Tensor& real,
                                 int64_t k = 3);

}  // namespace vidgen::metrics
