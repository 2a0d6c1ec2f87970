#include "vidgen/metrics/features.h"

#include <ATen/CPUGeneratorImpl.h>

#include <algorithm>

#include "vidgen/core/random.h"

namespace vidgen::metrics {
namespace {

void check_features(const torch::Tensor& a, const torch::Tensor& b, int64_t at_least) {
  TORCH_CHECK(a.dim() == 2 && b.dim() == 2 && a.size(1) == b.size(1) && a.size(1) > 0 &&
                  a.size(0) >= at_least && b.size(0) >= at_least,
              "expected two sets of at least ", at_least, " vectors of the same length, found ",
              a.sizes(), " and ", b.sizes());
}

torch::Tensor covariance(const torch::Tensor& features) {
  const auto centred = features - features.mean(0);
  return centred.t().matmul(centred) / static_cast<double>(features.size(0) - 1);
}

/// Of a symmetric positive semi-definite matrix; rounding can leave eigenvalues a little below 0.
torch::Tensor matrix_root(const torch::Tensor& matrix) {
  const auto [values, vectors] = torch::linalg_eigh(matrix);
  return (vectors * values.clamp_min(0).sqrt()).matmul(vectors.t());
}

torch::Tensor cubic_kernel(const torch::Tensor& a, const torch::Tensor& b) {
  return (a.matmul(b.t()) / static_cast<double>(a.size(1)) + 1).pow(3);
}

double mean_off_diagonal(const torch::Tensor& square) {
  const auto count = static_cast<double>(square.size(0));
  return (square.sum() - square.trace()).item<double>() / (count * (count - 1));
}

/// Euclidean distances [N,M], without the loss of digits of a product.
torch::Tensor euclidean(const torch::Tensor& a, const torch::Tensor& b) {
  constexpr int64_t kDirect = 2;
  return torch::cdist(a, b, 2.0, kDirect);
}

/// The share of `vectors` that lie among `others`.
double share_among(const torch::Tensor& vectors, const torch::Tensor& others, int64_t k) {
  // Each is its own nearest neighbour, so the k-th is the one at position k + 1.
  const auto radius = std::get<0>(euclidean(others, others).kthvalue(k + 1, 1));
  return (euclidean(vectors, others) <= radius).any(1).to(torch::kDouble).mean().item<double>();
}

}  // namespace

double frechet_distance(const torch::Tensor& a, const torch::Tensor& b) {
  check_features(a, b, 2);
  const auto x = a.to(torch::kDouble), y = b.to(torch::kDouble);
  const auto cov_x = covariance(x), cov_y = covariance(y);
  const auto root = matrix_root(cov_x);
  const auto product = root.matmul(cov_y).matmul(root);
  const auto values = torch::linalg_eigvalsh((product + product.t()) / 2).clamp_min(0);
  return ((x.mean(0) - y.mean(0)).square().sum() + cov_x.trace() + cov_y.trace() -
          2 * values.sqrt().sum())
      .item<double>();
}

double kernel_distance(const torch::Tensor& a, const torch::Tensor& b) {
  check_features(a, b, 2);
  const auto x = a.to(torch::kDouble), y = b.to(torch::kDouble);
  return mean_off_diagonal(cubic_kernel(x, x)) + mean_off_diagonal(cubic_kernel(y, y)) -
         2 * cubic_kernel(x, y).mean().item<double>();
}

double kernel_distance_of_subsets(const torch::Tensor& a, const torch::Tensor& b,
                                  const KernelDistanceOptions& options) {
  check_features(a, b, 2);
  TORCH_CHECK(options.subsets > 0 && options.subset_size > 1, "expected subsets of 2 or more");
  const int64_t size = std::min({options.subset_size, a.size(0), b.size(0)});
  auto generator = at::detail::createCPUGenerator(core::derive_seed(options.seed, "subsets"));
  const auto subset = [&](const torch::Tensor& set) {
    return set.index_select(
        0, torch::randperm(set.size(0), generator, torch::kLong).narrow(0, 0, size));
  };
  // Subsets that are the whole sets are all the same.
  const int64_t subsets = size == a.size(0) && size == b.size(0) ? 1 : options.subsets;
  double total = 0;
  for (int64_t i = 0; i < subsets; ++i) {
    const auto part_a = subset(a);
    total += kernel_distance(part_a, subset(b));
  }
  return total / static_cast<double>(subsets);
}

PrecisionRecall precision_recall(const torch::Tensor& generated, const torch::Tensor& real,
                                 int64_t k) {
  check_features(generated, real, k + 1);
  const auto fake = generated.to(torch::kDouble), true_ones = real.to(torch::kDouble);
  return {share_among(fake, true_ones, k), share_among(true_ones, fake, k)};
}

}  // namespace vidgen::metrics
