#include "vidgen/metrics/diversity.h"

#include <algorithm>

namespace vidgen::metrics {
namespace {

/// Values of each clip that are taken to float64 at once, which bounds memory.
constexpr int64_t kValuesAtOnce = 16384;

/// All distances between two sets, [N,M]. Products of whole numbers are whole numbers and exact in
/// float64, so equal clips have the distance 0.
torch::Tensor distances(const torch::Tensor& a, const torch::Tensor& b) {
  TORCH_CHECK(a.dim() == 5 && b.dim() == 5 && a.sizes().slice(1) == b.sizes().slice(1) &&
                  a.scalar_type() == torch::kU8 && b.scalar_type() == torch::kU8,
              "expected two sets of uint8 clips [N,T,H,W,C] of the same shape, found ", a.sizes(),
              " and ", b.sizes());
  TORCH_CHECK(a.size(0) > 0 && b.size(0) > 0, "expected at least one clip in each set");
  torch::NoGradGuard no_grad;
  const auto flat_a = a.flatten(1), flat_b = b.flatten(1);
  const int64_t values = flat_a.size(1);
  auto squares = torch::zeros({a.size(0), b.size(0)}, torch::kDouble);
  for (int64_t first = 0; first < values; first += kValuesAtOnce) {
    const int64_t count = std::min(kValuesAtOnce, values - first);
    const auto part_a = flat_a.narrow(1, first, count).to(torch::kDouble);
    const auto part_b = flat_b.narrow(1, first, count).to(torch::kDouble);
    squares += part_a.square().sum(1, /*keepdim=*/true) + part_b.square().sum(1) -
               2 * part_a.matmul(part_b.t());
  }
  return (squares / static_cast<double>(values)).sqrt();
}

}  // namespace

double mean_pairwise_distance(const torch::Tensor& clips) {
  TORCH_CHECK(clips.dim() == 5 && clips.size(0) > 1, "expected at least 2 clips, found ",
              clips.sizes());
  const auto count = static_cast<double>(clips.size(0));
  return distances(clips, clips).sum().item<double>() / (count * (count - 1));
}

torch::Tensor nearest_distances(const torch::Tensor& clips, const torch::Tensor& others) {
  return distances(clips, others).amin(1);
}

}  // namespace vidgen::metrics
