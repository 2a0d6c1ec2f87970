#pragma once

#include <torch/types.h>

#include <cstdint>
#include <vector>

namespace vidgen::metrics {

struct SlicedWassersteinOptions {
  /// Patches of each set and each level of the pyramid. More give less noise; time and memory grow
  /// with them.
  int64_t patches = 8192;
  /// Pixels a side of a patch.
  int64_t patch_size = 7;
  /// Frames of a patch. 1 compares frames; more compare motion, by patches of the differences
  /// between as many consecutive frames, at most those of the clip: what stands still would hide
  /// it, being far larger, and is compared by frames already.
  int64_t patch_frames = 1;
  /// Directions that the patches are projected on; as for patches.
  int64_t projections = 256;
  uint64_t seed = 0;
};

/// The distance between two sets of clips at one size of the Laplacian pyramid.
struct LevelDistance {
  /// Pixels of the frame's shorter side at this level.
  int64_t size = 0;
  double distance = 0;
};

/// Sliced Wasserstein distance of Laplacian pyramids, largest level first and the smallest of at
/// least 16 pixels last; Karras, Aila, Laine, Lehtinen: "Progressive growing of GANs", 2018. Clips
/// are [N,T,H,W,C], the same T, H, W and C in both sets, N may differ.
///
/// As in the paper, 7x7 patches are drawn from each level, normalised per channel, projected on
/// random unit vectors, and the sorted projections compared: the mean of their absolute
/// differences. Two things are different. Both sets are normalised by the mean and the standard
/// deviation of `reference`: by its own, as in the paper's program, a set of the wrong contrast or
/// colour looks right. And which patches are drawn from a clip depends on seed and pixels, so that
/// the order of a set does not matter.
class SlicedWasserstein {
 public:
  /// What of the reference is needed is computed once and kept: patches * projections float64
  /// numbers for each level.
  SlicedWasserstein(const torch::Tensor& reference, const SlicedWassersteinOptions& options);
  std::vector<LevelDistance> distance(const torch::Tensor& clips) const;

 private:
  struct Level {
    int64_t size;
    /// Of the reference's patches, for each channel.
    torch::Tensor mean, scale;
    /// Its projections, each sorted: [projections,patches].
    torch::Tensor sorted;
  };
  SlicedWassersteinOptions options_;
  /// The reference's [T,H,W,C].
  std::vector<int64_t> clip_sizes_;
  std::vector<Level> levels_;
};

/// The Wasserstein-1 distance between two samples of numbers, of any sizes.
double wasserstein_1d(const torch::Tensor& a, const torch::Tensor& b);

}  // namespace vidgen::metrics
