#include "vidgen/metrics/sliced_wasserstein.h"

#include <ATen/CPUGeneratorImpl.h>

#include <algorithm>
#include <functional>

#include "vidgen/core/random.h"

namespace vidgen::metrics {
namespace {

constexpr int64_t kSmallestLevel = 16;
/// A channel that hardly varies is not blown up: one of 255 grey levels.
constexpr double kSmallestDeviation = 1;
/// Projections that are sorted at once, which bounds memory.
constexpr int64_t kProjectionsAtOnce = 64;

torch::Tensor binomial() {
  const auto row = torch::tensor({1, 4, 6, 4, 1}, torch::kDouble) / 16;
  return row.outer(row).view({1, 1, 5, 5});
}

/// Images [M,1,H,W], their edges mirrored.
torch::Tensor blur(const torch::Tensor& images, const torch::Tensor& kernel) {
  return torch::conv2d(torch::reflection_pad2d(images, {2, 2, 2, 2}), kernel);
}

torch::Tensor halve(const torch::Tensor& images) {
  using torch::indexing::None;
  using torch::indexing::Slice;
  return blur(images, binomial())
      .index({Slice(), Slice(), Slice(None, None, 2), Slice(None, None, 2)});
}

torch::Tensor grow(const torch::Tensor& images, torch::IntArrayRef size) {
  using torch::indexing::None;
  using torch::indexing::Slice;
  auto spread = torch::zeros(size, images.options());
  spread.index_put_({Slice(), Slice(), Slice(None, None, 2), Slice(None, None, 2)}, images);
  return blur(spread, binomial() * 4);
}

/// The levels of a video [C,T,H,W], each [C,T,h,w].
std::vector<torch::Tensor> laplacian_pyramid(const torch::Tensor& video) {
  const int64_t channels = video.size(0), frames = video.size(1);
  auto images = video.flatten(0, 1).unsqueeze(1);
  std::vector<torch::Tensor> levels;
  for (;;) {
    const int64_t height = images.size(2), width = images.size(3);
    const bool last = std::min(height, width) / 2 < kSmallestLevel;
    const auto smaller = last ? torch::Tensor() : halve(images);
    const auto level = last ? images : images - grow(smaller, images.sizes());
    levels.push_back(level.view({channels, frames, height, width}));
    if (last) return levels;
    images = smaller;
  }
}

/// How many of `total` patches come from clip `index` of `clips`.
int64_t share(int64_t total, int64_t index, int64_t clips) {
  return total * (index + 1) / clips - total * index / clips;
}

/// Patches [count,C,frames*size*size] at random places of a level [C,T,h,w].
torch::Tensor draw_patches(const torch::Tensor& level, int64_t count, int64_t frames, int64_t size,
                           core::CounterRandom& random) {
  const auto windows = level.unfold(1, frames, 1).unfold(2, size, 1).unfold(3, size, 1);
  auto places = torch::empty({3, count}, torch::kLong);
  auto* place = places.data_ptr<int64_t>();
  for (int64_t dim = 0; dim < 3; ++dim) {
    for (int64_t i = 0; i < count; ++i) *place++ = random.below(windows.size(dim + 1));
  }
  const auto drawn = windows.index({torch::indexing::Slice(), places[0], places[1], places[2]});
  return drawn.transpose(0, 1).flatten(2);
}

uint64_t seed_of(uint64_t seed, const torch::Tensor& clip) {
  const auto pixels = clip.contiguous();
  return core::derive_seed(seed, {static_cast<const char*>(pixels.data_ptr()), pixels.nbytes()});
}

/// The patches of a set by level, [patches,C,K].
std::vector<torch::Tensor> patches_of(const torch::Tensor& clips,
                                      const SlicedWassersteinOptions& options) {
  const int64_t count = clips.size(0);
  const bool motion = options.patch_frames > 1;
  const int64_t frames = std::min(options.patch_frames, clips.size(1)) - (motion ? 1 : 0);
  // Where there are more clips than patches, those that give one are a random choice by pixels too.
  std::vector<std::pair<uint64_t, int64_t>> order;
  for (int64_t i = 0; i < count; ++i) order.emplace_back(seed_of(options.seed, clips[i]), i);
  std::sort(order.begin(), order.end());
  std::vector<std::vector<torch::Tensor>> parts;
  for (int64_t i = 0; i < count; ++i) {
    const int64_t patches = share(options.patches, i, count);
    if (patches == 0) continue;
    const auto& [seed, index] = order[static_cast<size_t>(i)];
    const auto video = clips[index].to(torch::kDouble).permute({3, 0, 1, 2});
    const auto levels = laplacian_pyramid(motion ? video.diff(1, 1) : video);
    parts.resize(levels.size());
    core::CounterRandom random(seed, 0);
    for (size_t k = 0; k < levels.size(); ++k) {
      parts[k].push_back(draw_patches(levels[k], patches, frames, options.patch_size, random));
    }
  }
  std::vector<torch::Tensor> result;
  for (const auto& part : parts) result.push_back(torch::cat(part));
  return result;
}

/// In place; a third of the time of torch::sort, which carries the positions along.
torch::Tensor sort_rows(const torch::Tensor& matrix) {
  auto rows = matrix.contiguous();
  const int64_t width = rows.size(1);
  auto* row = rows.data_ptr<double>();
  for (int64_t i = 0; i < rows.size(0); ++i, row += width) std::sort(row, row + width);
  return rows;
}

/// The projections of patches [P,K] on random directions, each sorted, [projections,P]: a part of
/// them at a time goes to `use`, with the place of its first row.
void project(const torch::Tensor& patches, const SlicedWassersteinOptions& options,
             const std::function<void(int64_t first, const torch::Tensor& sorted)>& use) {
  auto generator = at::detail::createCPUGenerator(core::derive_seed(options.seed, "projections"));
  for (int64_t first = 0; first < options.projections; first += kProjectionsAtOnce) {
    const int64_t count = std::min(kProjectionsAtOnce, options.projections - first);
    auto directions = torch::randn({count, patches.size(1)}, generator, torch::kDouble);
    directions = directions / directions.norm(2, {1}, /*keepdim=*/true);
    use(first, sort_rows(directions.matmul(patches.t())));
  }
}

}  // namespace

SlicedWasserstein::SlicedWasserstein(const torch::Tensor& reference,
                                     const SlicedWassersteinOptions& options)
    : options_(options) {
  TORCH_CHECK(reference.dim() == 5 && reference.size(0) > 0,
              "expected a set of clips [N,T,H,W,C], found ", reference.sizes());
  TORCH_CHECK(
      std::min(reference.size(2), reference.size(3)) >= options.patch_size && options.patches > 0,
      "expected frames of at least ", options.patch_size, " pixels a side, found ",
      reference.sizes());
  TORCH_CHECK(options.patch_frames == 1 || reference.size(1) > 1, "one frame has no motion");
  clip_sizes_ = reference.sizes().slice(1).vec();
  torch::NoGradGuard no_grad;
  const std::vector<int64_t> over{0, 2};
  int64_t size = std::min(reference.size(2), reference.size(3));
  for (const auto& patches : patches_of(reference, options_)) {
    Level level;
    level.size = size;
    level.mean = patches.mean(torch::IntArrayRef(over), /*keepdim=*/true);
    level.scale = patches.std(torch::IntArrayRef(over), /*unbiased=*/false, /*keepdim=*/true)
                      .clamp_min(kSmallestDeviation);
    std::vector<torch::Tensor> parts;
    project(((patches - level.mean) / level.scale).flatten(1), options_,
            [&parts](int64_t, const torch::Tensor& sorted) { parts.push_back(sorted); });
    level.sorted = torch::cat(parts);
    levels_.push_back(std::move(level));
    size = (size + 1) / 2;
  }
}

std::vector<LevelDistance> SlicedWasserstein::distance(const torch::Tensor& clips) const {
  TORCH_CHECK(clips.dim() == 5 && clips.size(0) > 0 && clips.sizes().slice(1) == clip_sizes_,
              "expected a set of clips ", torch::IntArrayRef(clip_sizes_), ", found ",
              clips.sizes());
  torch::NoGradGuard no_grad;
  const auto patches = patches_of(clips, options_);
  std::vector<LevelDistance> result;
  for (size_t k = 0; k < levels_.size(); ++k) {
    const auto& level = levels_[k];
    double total = 0;
    project(((patches[k] - level.mean) / level.scale).flatten(1), options_,
            [&](int64_t first, const torch::Tensor& sorted) {
              const auto reference = level.sorted.narrow(0, first, sorted.size(0));
              total += (sorted - reference).abs().mean(1).sum().item<double>();
            });
    result.push_back({level.size, total / static_cast<double>(options_.projections)});
  }
  return result;
}

double wasserstein_1d(const torch::Tensor& a, const torch::Tensor& b) {
  TORCH_CHECK(a.dim() == 1 && b.dim() == 1 && a.numel() > 0 && b.numel() > 0,
              "expected two samples of numbers, found ", a.sizes(), " and ", b.sizes());
  // The area between the two empirical distribution functions.
  const auto sorted_a = std::get<0>(a.to(torch::kDouble).sort());
  const auto sorted_b = std::get<0>(b.to(torch::kDouble).sort());
  const auto all = std::get<0>(torch::cat({sorted_a, sorted_b}).sort());
  const auto left = all.narrow(0, 0, all.numel() - 1).contiguous();
  const auto share_below = [&left](const torch::Tensor& sorted) {
    return torch::searchsorted(sorted, left, false, /*right=*/true).to(torch::kDouble) /
           static_cast<double>(sorted.numel());
  };
  return ((share_below(sorted_a) - share_below(sorted_b)).abs() * all.diff()).sum().item<double>();
}

}  // namespace vidgen::metrics
