#pragma once

#include <torch/types.h>

/// Transposed convolutions of 4x4 pixels, stride 2 and padding 1 as ordinary ones: each of the four
/// phases of the doubled picture, its even and odd lines and columns, sees 2x2 pixels of the small
/// one.
namespace vidgen::kernels {

/// Filters [in,out,4,4], or [in,out,k,4,4] of clips, of a transposed convolution as those of a
/// convolution to the phases (a, b) of its result one after the other, [4*out,in,2,2] or
/// [4*out,in,k,2,2]: an even line (a = 0) of the result sees the small picture's line above it and
/// its own, an odd one its own and the one below. The convolution pads by 1, and by k-1 in time.
torch::Tensor phase_filters(const torch::Tensor& filters);

/// Phases [M,4*out,H+1,W+1], or [B,4*out,T,H+1,W+1] of clips, on the CPU, put into their places:
/// [M,out,2H,2W] or [B,out,T,2H,2W], channels last. Phase (a, b) of pixel (r, q) is
/// at (r+a, q+b).
torch::Tensor interleave_phases(const torch::Tensor& phases);

}  // namespace vidgen::kernels
