#include "winograd_tiles.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "vidgen/core/clones.h"

namespace vidgen::nn::winograd {
namespace {

/// One number of each of 16 channels; the compiler spreads them over the registers that there are.
typedef float Lanes __attribute__((vector_size(64)));
constexpr int64_t kLanes = 16;

// The matrices for a filter of two taps and two results: y = A^T ((A g) * (B d)), from the values
// at 0, 1 and infinity (Lavin and Gray, 2016, section 4.1, F(2,2)).
struct A {
  static constexpr int kRows = 3, kColumns = 2;
  static constexpr int at(int i, int k) { return kValues[i][k]; }
  static constexpr int kValues[3][2] = {{1, 0}, {1, 1}, {0, 1}};
};
struct B {
  static constexpr int kRows = 3, kColumns = 3;
  static constexpr int at(int i, int k) { return kValues[i][k]; }
  static constexpr int kValues[3][3] = {{1, -1, 0}, {0, 1, 0}, {0, -1, 1}};
};
template <class L>
struct Transposed {
  static constexpr int kRows = L::kColumns, kColumns = L::kRows;
  static constexpr int at(int i, int k) { return L::at(k, i); }
};

VIDGEN_INLINE void add(int factor, const Lanes& x, Lanes& sum) {
  if (factor > 0) sum += x;
  if (factor < 0) sum -= x;
}

/// out = L x L^T.
template <class L>
VIDGEN_INLINE void sandwich(const Lanes (&x)[L::kColumns][L::kColumns],
                            Lanes (&out)[L::kRows][L::kRows]) {
  Lanes half[L::kRows][L::kColumns] = {};
#pragma GCC unroll 3
  for (int i = 0; i < L::kRows; ++i)
#pragma GCC unroll 3
    for (int j = 0; j < L::kColumns; ++j)
#pragma GCC unroll 3
      for (int k = 0; k < L::kColumns; ++k) add(L::at(i, k), x[k][j], half[i][j]);
#pragma GCC unroll 3
  for (int i = 0; i < L::kRows; ++i)
#pragma GCC unroll 3
    for (int j = 0; j < L::kRows; ++j) {
      out[i][j] = Lanes{};
#pragma GCC unroll 3
      for (int k = 0; k < L::kColumns; ++k) add(L::at(j, k), half[i][k], out[i][j]);
    }
}

VIDGEN_INLINE Lanes load(const float* from, int64_t count) {
  Lanes value = {};
  if (count >= kLanes) {
    std::memcpy(&value, from, sizeof(value));
  } else {
    for (int64_t i = 0; i < count; ++i) value[i] = from[i];
  }
  return value;
}

VIDGEN_INLINE void store(float* to, const Lanes& value, int64_t count) {
  if (count >= kLanes) {
    std::memcpy(to, &value, sizeof(value));
  } else {
    for (int64_t i = 0; i < count; ++i) to[i] = value[i];
  }
}

/// Where the numbers of a square lie.
template <class Float>
struct Square {
  Float* data;
  int64_t down, right;
};

/// The square `in` through L into `out`, for `count` channels.
template <class L, bool accumulate = false>
VIDGEN_INLINE void transform(Square<const float> in, Square<float> out, int64_t count) {
  for (int64_t c = 0; c < count; c += kLanes) {
    const int64_t left = count - c;
    Lanes x[L::kColumns][L::kColumns], y[L::kRows][L::kRows];
#pragma GCC unroll 3
    for (int i = 0; i < L::kColumns; ++i)
#pragma GCC unroll 3
      for (int j = 0; j < L::kColumns; ++j)
        x[i][j] = load(in.data + i * in.down + j * in.right + c, left);
    sandwich<L>(x, y);
#pragma GCC unroll 3
    for (int i = 0; i < L::kRows; ++i)
#pragma GCC unroll 3
      for (int j = 0; j < L::kRows; ++j) {
        float* to = out.data + i * out.down + j * out.right + c;
        store(to, accumulate ? y[i][j] + load(to, left) : y[i][j], left);
      }
  }
}

template <class Float>
Square<Float> across(const Rows<Float>& rows, int64_t offset) {
  return {rows.data + offset, 3 * rows.matrix, rows.matrix};
}

/// A large picture with a border of one pixel, so that no tile reaches over an edge. Its pixels
/// (2i-1+a, 2j-1+b) are the channels (a, b) of place (i, j).
class Bordered {
 public:
  explicit Bordered(const Plane& plane)
      : border_(plane.channels),
        row_(2 * plane.width * plane.channels),
        height_(2 * plane.height),
        line_(row_ + 2 * border_) {
    static thread_local std::vector<float> memory;
    memory.resize(std::max(memory.size(), static_cast<size_t>(line_ * (height_ + 2))));
    data_ = memory.data();
  }
  /// Every pixel becomes `pixel`, or zero where that is null.
  VIDGEN_INLINE void fill(const float* pixel) {
    const int64_t size = line_ * (height_ + 2);
    if (pixel) {
      for (float* to = data_; to != data_ + size; to += border_) std::copy_n(pixel, border_, to);
    } else {
      std::fill_n(data_, size, 0.F);
    }
  }
  void copy_in(const float* picture) {
    std::fill_n(data_, line_, 0.F);
    for (int64_t i = 0; i < height_; ++i) {
      float* to = data_ + (i + 1) * line_;
      std::fill_n(to, border_, 0.F);
      std::copy_n(picture + i * row_, row_, to + border_);
      std::fill_n(to + border_ + row_, border_, 0.F);
    }
    std::fill_n(data_ + (height_ + 1) * line_, line_, 0.F);
  }
  VIDGEN_INLINE void copy_out(float* picture, float slope) const {
    for (int64_t i = 0; i < height_; ++i) {
      const float* from = data_ + (i + 1) * line_ + border_;
      float* to = picture + i * row_;
      if (slope == 1) {
        std::copy_n(from, row_, to);
      } else {
        for (int64_t j = 0; j < row_; ++j) to[j] = from[j] < 0 ? slope * from[j] : from[j];
      }
    }
  }
  /// The square of 3x3 places at (i, j), of the lines a.
  Square<float> at(int64_t i, int64_t j, int64_t a) const {
    return {data_ + (2 * i + a) * line_ + 2 * j * border_, 2 * line_, 2 * border_};
  }

 private:
  int64_t border_, row_, height_, line_;
  float* data_;
};

Square<const float> constant(const Square<float>& square) {
  return {square.data, square.down, square.right};
}

}  // namespace

VIDGEN_CLONES void read_large(const float* picture, const Plane& plane, Rows<float> out) {
  Bordered bordered(plane);
  bordered.copy_in(picture);
  const int64_t pair = 2 * plane.channels;
  for (int64_t i = 0; i < plane.height; i += 2)
    for (int64_t j = 0; j < plane.width; j += 2, out.data += out.row)
      for (int64_t a = 0; a < 2; ++a)
        transform<B>(constant(bordered.at(i, j, a)), across(out, a * pair), pair);
}

VIDGEN_CLONES void write_large(Rows<const float> in, const Plane& plane, float* picture,
                               const float* bias, float slope) {
  Bordered bordered(plane);
  bordered.fill(bias);
  const int64_t pair = 2 * plane.channels;
  for (int64_t i = 0; i < plane.height; i += 2)
    for (int64_t j = 0; j < plane.width; j += 2, in.data += in.row)
      for (int64_t a = 0; a < 2; ++a)
        transform<Transposed<B>, true>(across(in, a * pair), bordered.at(i, j, a), pair);
  bordered.copy_out(picture, slope);
}

VIDGEN_CLONES void read_small(const float* picture, const Plane& plane, Rows<float> out) {
  const int64_t line = plane.width * plane.channels;
  for (int64_t i = 0; i < plane.height; i += 2)
    for (int64_t j = 0; j < plane.width; j += 2, out.data += out.row)
      transform<A>({picture + i * line + j * plane.channels + plane.first, line, plane.channels},
                   across(out, 0), plane.count);
}

VIDGEN_CLONES void write_small(Rows<const float> in, const Plane& plane, float* picture) {
  const int64_t line = plane.width * plane.channels;
  for (int64_t i = 0; i < plane.height; i += 2)
    for (int64_t j = 0; j < plane.width; j += 2, in.data += in.row)
      transform<Transposed<A>>(
          across(in, 0),
          {picture + i * line + j * plane.channels + plane.first, line, plane.channels},
          plane.count);
}

VIDGEN_CLONES void read_filter(const float* filter, int64_t channels, Rows<float> out) {
  const int64_t pair = 2 * channels;
  for (int64_t a = 0; a < 2; ++a)
    transform<A>({filter + 2 * a * pair, 4 * pair, pair}, across(out, a * pair), pair);
}

VIDGEN_CLONES void write_filter(Rows<const float> in, int64_t channels, float* filter) {
  const int64_t pair = 2 * channels;
  for (int64_t a = 0; a < 2; ++a)
    transform<Transposed<A>>(across(in, a * pair), {filter + 2 * a * pair, 4 * pair, pair}, pair);
}

void parallel_for(int64_t count, const std::function<void(int64_t)>& work) {
#pragma omp parallel for schedule(static)
  for (int64_t i = 0; i < count; ++i) work(i);
}

}  // namespace vidgen::nn::winograd
