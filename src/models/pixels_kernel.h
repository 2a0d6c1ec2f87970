#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

// Plain headers only: nvcc reads this, and LibTorch's would cost it minutes.
namespace vidgen::models {

/// What the kernel has to know of uint8 clips [B,T,H,W,C] that lie one after the other.
struct PixelLayout {
  int64_t clips;
  /// T * H * W * C.
  int64_t clip_elements;
  /// W * C.
  int64_t row_elements;
  int64_t channels;
};

/// out = clips / 127.5 - 1 element by element, rounded as the CPU does, on `stream`. Where
/// `mirror` is not null, a clip whose element of it is not 0 has the pixels of each row in reverse.
/// All pointers are on the device. Returns how the launch went.
cudaError_t launch_to_float(const uint8_t* clips, const uint8_t* mirror, float* out,
                            const PixelLayout& layout, cudaStream_t stream);

}  // namespace vidgen::models
