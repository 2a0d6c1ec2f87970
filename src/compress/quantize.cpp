#include "vidgen/compress/quantize.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "vidgen/core/error.h"

namespace vidgen::compress {
namespace {

/// The numbers of one output channel each, for a weight of `dims` dimensions.
torch::Tensor along_axis(const torch::Tensor& numbers, int64_t dims, int64_t axis) {
  std::vector<int64_t> shape(static_cast<size_t>(dims), 1);
  shape[static_cast<size_t>(axis)] = -1;
  return numbers.view(shape);
}

/// Mean squared error, times a constant, of the histogram's numbers in eight bits.
double squared_error(const ActivationHistogram& histogram, const torch::Tensor& centers,
                     const infer::Uint8Scale& scale) {
  const auto zero = static_cast<double>(scale.zero_point);
  const auto q = (centers / scale.scale).round().add(zero).clamp(0, 255);
  const auto error = (q - zero) * scale.scale - centers;
  return (error.square() * histogram.counts()).sum().item<double>();
}

}  // namespace

Int8Weight quantize_weight(const torch::Tensor& weight, int64_t output_axis) {
  const auto w = weight.detach().to(torch::kFloat).contiguous();
  const auto largest = w.abs().transpose(0, output_axis).flatten(1).amax(1);
  if (!largest.isfinite().all().item<bool>()) {
    throw Error("weight: holds a value that is infinite or not a number");
  }
  auto scale = largest / 127;
  scale = scale.masked_fill(scale.lt(std::numeric_limits<float>::min()), 1);
  const auto steps = (w / along_axis(scale, w.dim(), output_axis)).round();
  return {steps.clamp(-127, 127).to(torch::kChar), scale};
}

torch::Tensor dequantize_weight(const Int8Weight& weight, int64_t output_axis) {
  return weight.values.to(torch::kFloat) *
         along_axis(weight.scale, weight.values.dim(), output_axis);
}

ActivationRange widened(const ActivationRange& range, const torch::Tensor& x) {
  const auto [low, high] = torch::aminmax(x);
  const double min = low.item<double>(), max = high.item<double>();
  if (!std::isfinite(min) || !std::isfinite(max)) {
    throw Error("activations: hold a value that is infinite or not a number");
  }
  return {std::min(range.min, min), std::max(range.max, max)};
}

infer::Uint8Scale uint8_scale(const ActivationRange& range) {
  // In float32, as the kernels take it and PyTorch's observers compute it.
  const auto min = static_cast<float>(std::min(range.min, 0.0));
  const auto max = static_cast<float>(std::max(range.max, 0.0));
  const float scale = (max - min) / 255;
  if (!(scale >= std::numeric_limits<float>::min())) return {1, 0};
  const auto zero = static_cast<int64_t>(-std::nearbyint(min / scale));
  return {scale, std::clamp<int64_t>(zero, 0, 255)};
}

ActivationHistogram::ActivationHistogram(const ActivationRange& range)
    : range_{std::min(range.min, 0.0), std::max(range.max, 0.0)},
      counts_(torch::zeros({kBins}, torch::kDouble)) {}

void ActivationHistogram::add(const torch::Tensor& x) {
  if (!(range_.max > range_.min)) return;
  // Row by row, because float32 counts to 2^24 only.
  for (const auto& row : x.to(torch::kFloat).unbind(0))
    counts_ += torch::histc(row.flatten(), kBins, range_.min, range_.max);
}

ActivationRange percentile_range(const ActivationHistogram& histogram, double percentile) {
  if (!(percentile > 50 && percentile <= 100)) {
    throw Error(core::cat("percentile: found ", percentile, ", expected above 50, up to 100"));
  }
  const auto total = histogram.counts().sum().item<double>();
  if (total == 0) return histogram.range();
  const double above = total * percentile / 100, below = total - above;
  const auto* counts = histogram.counts().const_data_ptr<double>();
  int64_t first = 0, last = 0;
  double seen = 0;
  for (int64_t bin = 0; bin < ActivationHistogram::kBins; ++bin) {
    if (seen <= below) first = bin;
    if (seen < above) last = bin;
    seen += counts[bin];
  }
  const auto edge = [&histogram](int64_t bin) {
    return histogram.range().min + static_cast<double>(bin) * histogram.bin_width();
  };
  return {std::min(edge(first), 0.0), std::max(edge(last + 1), 0.0)};
}

ActivationRange mse_range(const ActivationHistogram& histogram) {
  const auto centers =
      (torch::arange(ActivationHistogram::kBins, torch::kDouble) + 0.5) * histogram.bin_width() +
      histogram.range().min;
  ActivationRange best = histogram.range();
  double least = std::numeric_limits<double>::infinity();
  for (int percent = 100; percent >= 20; --percent) {
    const ActivationRange range{histogram.range().min * percent / 100,
                                histogram.range().max * percent / 100};
    const double error = squared_error(histogram, centers, uint8_scale(range));
    if (error < least) {
      least = error;
      best = range;
    }
  }
  return best;
}

}  // namespace vidgen::compress
