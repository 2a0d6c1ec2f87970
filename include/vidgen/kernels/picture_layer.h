#pragma once

#include <c10/util/BFloat16.h>

#include <cstdint>

/// The 3x3 convolution to the colours of a picture, of one picture in plain memory, channels last
/// and without gaps. With so few results the usual kernels leave most of a register empty.
namespace vidgen::kernels {

struct PictureLayer {
  /// Pixels, and channels that come in: a multiple of 16.
  int64_t height, width, in;
  /// Colours: 1 or 3.
  int64_t out;

  /// Whether the loops know a layer of so many channels.
  static bool fits(int64_t in, int64_t out) { return in % 16 == 0 && (out == 1 || out == 3); }
  int64_t weights() const { return out * 9 * in; }
  int64_t pixels() const { return height * width; }
};

/// x [H,W,in] to y [H,W,out]: weight [out,3,3,in], bias [out], zeros beyond the edges. Rounded
/// once.
template <class Number>
void convolve_to_picture(const PictureLayer& layer, const Number* x, const float* weight,
                         const float* bias, Number* y);

/// From the gradient of y those of x, and of weight and bias, which are added to what is there.
template <class Number>
void picture_layer_gradients(const PictureLayer& layer, const Number* x, const float* weight,
                             const Number* gradient, Number* of_x, float* of_weight,
                             float* of_bias);

}  // namespace vidgen::kernels
