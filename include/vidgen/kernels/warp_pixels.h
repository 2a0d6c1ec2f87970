#pragma once

#include <c10/util/BFloat16.h>

#include <cstdint>

/// The inner loops of warp.h, for one frame in plain memory, channels last and without gaps.
namespace vidgen::kernels {

/// Of the pictures [slots,H,W,C] that a frame is the sum of. Their channels are groups of as many
/// each. The first `still` groups stay; each other one of each slot has a map, [slots,moving,2,3]
/// as in torch.nn.functional.affine_grid, and a fade, [slots,moving], with which it is multiplied;
/// no fades (null) are ones.
struct WarpSizes {
  int64_t height, width, channels, groups, still, slots;

  int64_t moving() const { return groups - still; }
};

/// The sum of the pictures, moved and faded: the frame [H,W,C], rounded once. Between pixels it is
/// bilinear, outside zero.
void warp_frame(const float* pictures, const float* maps, const float* fades,
                const WarpSizes& sizes, float* frame);
void warp_frame(const float* pictures, const float* maps, const float* fades,
                const WarpSizes& sizes, c10::BFloat16* frame);

/// From the gradient of the frame those of the pictures, which are added to what is there, of the
/// maps, and of the fades, where there are some.
void warp_gradients(const float* pictures, const float* maps, const float* fades,
                    const WarpSizes& sizes, const float* frame_gradient, float* picture_gradients,
                    float* map_gradients, float* fade_gradients);
void warp_gradients(const float* pictures, const float* maps, const float* fades,
                    const WarpSizes& sizes, const c10::BFloat16* frame_gradient,
                    float* picture_gradients, float* map_gradients, float* fade_gradients);

}  // namespace vidgen::kernels
