#pragma once

#include <c10/util/BFloat16.h>

#include <cstdint>

/// The inner loops of warp.h, for one frame in plain memory, channels last and without gaps.
namespace vidgen::kernels {

/// Of the picture [H,W,C], whose channels are groups of as many each. The first `still` groups
/// stay, the others have maps [moving,2,3] as in torch.nn.functional.affine_grid.
struct WarpSizes {
  int64_t height, width, channels, groups, still;
};

/// The picture moved by the maps: the frame [H,W,C]. Between pixels it is bilinear, outside zero.
void warp_picture(const float* picture, const float* maps, const WarpSizes& sizes, float* frame);
void warp_picture(const float* picture, const float* maps, const WarpSizes& sizes,
                  c10::BFloat16* frame);

/// From the gradient of the frame those of the picture, which is added to what is there, and of the
/// maps.
void warp_gradients(const float* picture, const float* maps, const WarpSizes& sizes,
                    const float* frame_gradient, float* picture_gradient, float* maps_gradient);
void warp_gradients(const float* picture, const float* maps, const WarpSizes& sizes,
                    const c10::BFloat16* frame_gradient, float* picture_gradient,
                    float* maps_gradient);

}  // namespace vidgen::kernels
