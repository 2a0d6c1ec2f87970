#include "pixels_kernel.h"

namespace vidgen::models {
namespace {

constexpr int64_t kThreads = 256;
constexpr int64_t kMostBlocks = 65535;  // of gridDim.y

// A clip for each blockIdx.x; the blocks of its column share out the elements.
__global__ void to_float_kernel(const uint8_t* __restrict__ clips,
                                const uint8_t* __restrict__ mirror, float* __restrict__ out,
                                PixelLayout layout) {
  const int64_t clip = blockIdx.x;
  const uint8_t* in = clips + clip * layout.clip_elements;
  out += clip * layout.clip_elements;
  const bool mirrored = mirror != nullptr && mirror[clip] != 0;
  const int64_t stride = int64_t{gridDim.y} * blockDim.x;
  for (int64_t i = int64_t{blockIdx.y} * blockDim.x + threadIdx.x; i < layout.clip_elements;
       i += stride) {
    int64_t from = i;
    if (mirrored) {
      const int64_t column = i % layout.row_elements;
      const int64_t pixel = column - column % layout.channels;
      from = i + layout.row_elements - layout.channels - 2 * pixel;
    }
    // Division and subtraction as IEEE has them, so that the result is that of the CPU to the bit.
    out[i] = __fsub_rn(__fdiv_rn(static_cast<float>(in[from]), 127.5f), 1.0f);
  }
}

}  // namespace

cudaError_t launch_to_float(const uint8_t* clips, const uint8_t* mirror, float* out,
                            const PixelLayout& layout, cudaStream_t stream) {
  const int64_t needed = (layout.clip_elements + kThreads - 1) / kThreads;
  const int64_t columns = needed < kMostBlocks ? needed : kMostBlocks;
  const dim3 grid(static_cast<unsigned>(layout.clips), static_cast<unsigned>(columns));
  to_float_kernel<<<grid, static_cast<unsigned>(kThreads), 0, stream>>>(clips, mirror, out, layout);
  return cudaGetLastError();
}

}  // namespace vidgen::models
