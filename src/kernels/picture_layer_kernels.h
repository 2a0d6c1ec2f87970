// The loops of picture_layer.h, compiled for one kind of processor: picture_layer.cpp includes this
// file once for each, in a namespace of its own.

#include "lanes.h"

constexpr int kTaps = 9;

/// Three lines of a picture with their channels apart: planes [in][stride], with a zero left of the
/// first pixel and zeros right of the last.
struct Planes {
  Planes(const PictureLayer& layer)
      : layer(layer), stride((layer.width + kLanes - 1) / kLanes * kLanes + kLanes) {
    numbers.resize(static_cast<size_t>(3 * layer.in * stride));
  }
  float* at(int64_t line, int64_t channel) {
    return numbers.data() + ((line + 3) % 3 * layer.in + channel) * stride;
  }
  template <class Number>
  VIDGEN_INLINE void read(const Number* x, int64_t line) {
    if (line >= layer.height) {
      std::fill_n(at(line, 0), layer.in * stride, 0.0F);
      return;
    }
    for (int64_t c = 0; c < layer.in; c += kLanes) {
      float* to = at(line, c) + 1;
      for (int64_t column = 0; column < layer.width; ++column) {
        Lanes value;
        load_lanes(x + (line * layer.width + column) * layer.in + c, value);
        float pixel[kLanes];
        store_lanes(pixel, value);
#pragma GCC unroll 16
        for (int64_t i = 0; i < kLanes; ++i) to[i * stride + column] = pixel[i];
      }
    }
  }

  const PictureLayer& layer;
  const int64_t stride;
  std::vector<float> numbers;
};

/// `kBlocks` times 16 pixels of a line, from `column` on.
template <int kOut, int kBlocks, class Number>
VIDGEN_INLINE void pixels_of_line(const PictureLayer& layer, Planes& planes, const float* weight,
                                  const float* bias, int64_t line, int64_t column, Number* y) {
  Lanes sums[kOut][kBlocks];
#pragma GCC unroll 3
  for (int o = 0; o < kOut; ++o)
#pragma GCC unroll 4
    for (int b = 0; b < kBlocks; ++b) sums[o][b] = Lanes{} + bias[o];
  for (int64_t down = 0; down < 3; ++down) {
    for (int64_t c = 0; c < layer.in; ++c) {
      const float* from = planes.at(line + down - 1, c) + column;
      const float* factors = weight + 3 * down * layer.in + c;
#pragma GCC unroll 3
      for (int64_t right = 0; right < 3; ++right) {
        Lanes values[kBlocks];
#pragma GCC unroll 4
        for (int b = 0; b < kBlocks; ++b) load_lanes(from + right + b * kLanes, values[b]);
#pragma GCC unroll 3
        for (int o = 0; o < kOut; ++o) {
          const float factor = factors[(kTaps * o + right) * layer.in];
#pragma GCC unroll 4
          for (int b = 0; b < kBlocks; ++b) sums[o][b] += factor * values[b];
        }
      }
    }
  }
  float out[kOut][kBlocks * kLanes];
#pragma GCC unroll 3
  for (int o = 0; o < kOut; ++o)
#pragma GCC unroll 4
    for (int b = 0; b < kBlocks; ++b) store_lanes(out[o] + b * kLanes, sums[o][b]);
  const int64_t count = std::min<int64_t>(kBlocks * kLanes, layer.width - column);
  Number* to = y + (line * layer.width + column) * kOut;
  for (int64_t k = 0; k < count; ++k) {
    for (int o = 0; o < kOut; ++o) store(out[o][k], to + k * kOut + o);
  }
}

template <int kOut, class Number>
void convolve(const PictureLayer& layer, const Number* x, const float* weight, const float* bias,
              Number* y) {
  Planes planes(layer);
  planes.read(x, 0);
  for (int64_t line = 0; line < layer.height; ++line) {
    planes.read(x, line + 1);
    int64_t column = 0;
    for (; column + 4 * kLanes <= layer.width; column += 4 * kLanes)
      pixels_of_line<kOut, 4>(layer, planes, weight, bias, line, column, y);
    for (; column < layer.width; column += kLanes)
      pixels_of_line<kOut, 1>(layer, planes, weight, bias, line, column, y);
  }
}

template <int kOut, class Number>
void gradients(const PictureLayer& layer, const Number* x, const float* weight,
               const Number* gradient, Number* of_x, float* of_weight, float* of_bias) {
  const int64_t height = layer.height, width = layer.width, in = layer.in;
  // In float32, with zeros around.
  const int64_t line = (width + 2) * kOut;
  std::vector<float> given(static_cast<size_t>((height + 2) * line));
  for (int64_t i = 0; i < height; ++i) {
    for (int64_t j = 0; j < width * kOut; ++j) {
      const auto number = static_cast<float>(gradient[i * width * kOut + j]);
      given[static_cast<size_t>((i + 1) * line + kOut + j)] = number;
      of_bias[j % kOut] += number;
    }
  }
  for (int64_t c = 0; c < in; c += kLanes) {
    Lanes sums[kOut * kTaps] = {};
    for (int64_t i = 0; i < height; ++i) {
      for (int64_t j = 0; j < width; ++j) {
        const int64_t at = (i * width + j) * in + c;
        Lanes value, back[3] = {};
        load_lanes(x + at, value);
        // The pixels of y that this one is seen by: tap (0, 0) by the one below and to the right.
        const float* seen = given.data() + i * line + j * kOut;
#pragma GCC unroll 3
        for (int down = 0; down < 3; ++down)
#pragma GCC unroll 3
          for (int right = 0; right < 3; ++right)
#pragma GCC unroll 3
            for (int o = 0; o < kOut; ++o) {
              const int tap = kTaps * o + 3 * down + right;
              const float factor = seen[(2 - down) * line + (2 - right) * kOut + o];
              Lanes weights;
              load_lanes(weight + tap * in + c, weights);
              sums[tap] += factor * value;
              back[down] += factor * weights;
            }
        store_lanes(of_x + at, back[0] + back[1] + back[2]);
      }
    }
#pragma GCC unroll 27
    for (int tap = 0; tap < kOut * kTaps; ++tap) {
      Lanes sum;
      load_lanes(of_weight + tap * in + c, sum);
      store_lanes(of_weight + tap * in + c, sum + sums[tap]);
    }
  }
}
