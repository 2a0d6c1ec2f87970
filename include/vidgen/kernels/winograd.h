#pragma once

#include <torch/types.h>

#include <vector>

/// Convolutions of 4x4 pixels and stride 2 with 9/16 of the multiplications, after Winograd (Lavin
/// and Gray, "Fast Algorithms for Convolutional Neural Networks", 2016): the even and odd lines and
/// columns of a large picture are the channels of four pictures of the small size, under filters of
/// 2x2 taps, for which tiles of 2x2 pixels take 9 products instead of 16.
///
/// The large clips are [B,C,T,2H,2W], the small ones [B,C',T-k+1,H,W], the filters [C',C,k,4,4];
/// padding 1 in space, stride 1 and no padding in time; H and W are even. On the CPU,
/// channels_last_3d in memory (others are copied), as the results are. Clips are in float32 or
/// bfloat16, filters in float32 always. No gradients: each function is linear in both arguments,
/// and the other two are its gradients.
namespace vidgen::kernels::winograd {

/// The five sizes of the small clips that these large ones shrink to, and the other way round.
std::vector<int64_t> small_sizes(const torch::Tensor& large, const torch::Tensor& filters);
std::vector<int64_t> large_sizes(const torch::Tensor& small, const torch::Tensor& filters);

/// Large to small: the convolution.
torch::Tensor shrink(const torch::Tensor& large, const torch::Tensor& filters);
/// Small to large: the transposed convolution.
torch::Tensor grow(const torch::Tensor& small, const torch::Tensor& filters);
/// What comes after grow() in the same pass over the large pictures: `bias` [C] is added where it
/// is defined, then what is negative is multiplied by `slope`.
struct Finish {
  torch::Tensor bias{};
  double slope = 1;
};
/// Filters in the form in which grow() multiplies clips of this type with them, [9,C',k,4C], for
/// those that stay as they are: 2.25 times as many numbers.
torch::Tensor prepare(const torch::Tensor& filters, at::ScalarType type);
/// grow() by filters that went through prepare().
torch::Tensor grow_prepared(const torch::Tensor& small, const torch::Tensor& prepared,
                            const Finish& finish);
/// Both to filters [C',C,k,4,4], k = T - T' + 1.
torch::Tensor correlate(const torch::Tensor& large, const torch::Tensor& small);

}  // namespace vidgen::kernels::winograd
