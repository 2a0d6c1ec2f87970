// The transforms of winograd_tiles.h, compiled for one kind of processor: winograd_tiles.cpp
// includes this file once for each, in a namespace of its own.

#include "lanes.h"

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

/// Copies what a register's worth of numbers has too many of; a pair of colour pixels at once.
constexpr int64_t kColourPair = 6;
template <class Number>
VIDGEN_INLINE void copy_few(const Number* from, int64_t count, Number* to) {
  if (count == kColourPair) {
    std::memcpy(to, from, kColourPair * sizeof(Number));
  } else {
    for (int64_t i = 0; i < count; ++i) to[i] = from[i];
  }
}

template <class Number>
VIDGEN_INLINE Lanes load(const Number* from, int64_t count) {
  Lanes value = {};
  if (count >= kLanes) {
    load_lanes(from, value);
  } else {
    Number some[kLanes] = {};
    copy_few(from, count, some);
    load_lanes(some, value);
  }
  return value;
}

template <class Number>
VIDGEN_INLINE void store(Number* to, const Lanes& value, int64_t count) {
  if (count >= kLanes) {
    store_lanes(to, value);
  } else {
    Number all[kLanes];
    store_lanes(all, value);
    copy_few(all, count, to);
  }
}

/// Where the numbers of a square of pixels lie,
template <class Number>
struct Square {
  Number* data;
  int64_t down, right;
  VIDGEN_INLINE Number* at(int i, int j) const { return data + i * down + j * right; }
};
/// and those of the square of nine matrices.
template <class Number>
struct Across {
  const Rows<Number>& rows;
  int64_t offset;
  VIDGEN_INLINE Number* at(int i, int j) const { return rows.first[3 * i + j] + offset; }
};

/// The square `in` through L into `out`, for `count` channels.
template <class L, bool accumulate = false, class In, class Out>
VIDGEN_INLINE void transform(const In& in, const Out& out, int64_t count) {
  for (int64_t c = 0; c < count; c += kLanes) {
    const int64_t left = count - c;
    Lanes x[L::kColumns][L::kColumns], y[L::kRows][L::kRows];
#pragma GCC unroll 3
    for (int i = 0; i < L::kColumns; ++i)
#pragma GCC unroll 3
      for (int j = 0; j < L::kColumns; ++j) x[i][j] = load(in.at(i, j) + c, left);
    sandwich<L>(x, y);
#pragma GCC unroll 3
    for (int i = 0; i < L::kRows; ++i)
#pragma GCC unroll 3
      for (int j = 0; j < L::kRows; ++j) {
        auto* to = out.at(i, j) + c;
        store(to, accumulate ? y[i][j] + load(to, left) : y[i][j], left);
      }
  }
}

/// A large picture with a border of one pixel, so that no tile reaches over an edge. Its pixels
/// (2i-1+a, 2j-1+b) are the channels (a, b) of place (i, j).
template <class Number>
class Bordered {
 public:
  explicit Bordered(const Plane& plane)
      : border_(plane.channels),
        row_(2 * plane.width * plane.channels),
        height_(2 * plane.height),
        line_(row_ + 2 * border_) {
    static thread_local std::vector<Number> memory;
    memory.resize(std::max(memory.size(), static_cast<size_t>(line_ * (height_ + 2))));
    data_ = memory.data();
  }
  /// Every pixel becomes `pixel`, or zero where that is null.
  VIDGEN_INLINE void fill(const float* pixel) {
    const int64_t size = line_ * (height_ + 2);
    if (pixel) {
      for (Number* to = data_; to != data_ + size; to += border_) std::copy_n(pixel, border_, to);
    } else {
      std::fill_n(data_, size, Number(0));
    }
  }
  void copy_in(const Number* picture) {
    std::fill_n(data_, line_, Number(0));
    for (int64_t i = 0; i < height_; ++i) {
      Number* to = data_ + (i + 1) * line_;
      std::fill_n(to, border_, Number(0));
      std::copy_n(picture + i * row_, row_, to + border_);
      std::fill_n(to + border_ + row_, border_, Number(0));
    }
    std::fill_n(data_ + (height_ + 1) * line_, line_, Number(0));
  }
  template <class Picture>
  VIDGEN_INLINE void copy_out(Picture* picture, float slope) const {
    for (int64_t i = 0; i < height_; ++i) {
      const Number* from = data_ + (i + 1) * line_ + border_;
      Picture* to = picture + i * row_;
      for (int64_t j = 0; j < row_; j += kLanes) {
        Lanes value = load(from + j, row_ - j);
        if (slope != 1) value = value < 0 ? slope * value : value;
        store(to + j, value, row_ - j);
      }
    }
  }
  /// The square of 3x3 places at (i, j), of the lines a.
  Square<Number> at(int64_t i, int64_t j, int64_t a) const {
    return {data_ + (2 * i + a) * line_ + 2 * j * border_, 2 * line_, 2 * border_};
  }

 private:
  int64_t border_, row_, height_, line_;
  Number* data_;
};

template <class Number>
void read_large(const Number* picture, const Plane& plane, const Rows<Number>& out) {
  Bordered<Number> bordered(plane);
  bordered.copy_in(picture);
  const int64_t pair = 2 * plane.channels;
  int64_t row = 0;
  for (int64_t i = 0; i < plane.height; i += 2)
    for (int64_t j = 0; j < plane.width; j += 2, row += out.row)
      for (int64_t a = 0; a < 2; ++a)
        transform<B>(bordered.at(i, j, a), Across<Number>{out, row + a * pair}, pair);
}

template <class Number>
void write_large(const Rows<const Number>& in, const Plane& plane, Number* picture,
                 const float* bias, float slope) {
  Bordered<float> bordered(plane);
  bordered.fill(bias);
  const int64_t pair = 2 * plane.channels;
  int64_t row = 0;
  for (int64_t i = 0; i < plane.height; i += 2)
    for (int64_t j = 0; j < plane.width; j += 2, row += in.row)
      for (int64_t a = 0; a < 2; ++a)
        transform<Transposed<B>, true>(Across<const Number>{in, row + a * pair},
                                       bordered.at(i, j, a), pair);
  bordered.copy_out(picture, slope);
}

/// The tile of a small picture whose first pixel is (i, j).
template <class Number>
VIDGEN_INLINE Square<Number> tile_at(Number* picture, const Plane& plane, int64_t i, int64_t j) {
  const int64_t line = plane.width * plane.channels;
  return {picture + i * line + j * plane.channels, line, plane.channels};
}

template <class Number>
void read_small(const Number* picture, const Plane& plane, const Rows<Number>& out) {
  int64_t row = 0;
  for (int64_t i = 0; i < plane.height; i += 2)
    for (int64_t j = 0; j < plane.width; j += 2, row += out.row)
      transform<A>(tile_at(picture, plane, i, j), Across<Number>{out, row}, plane.channels);
}

template <class Number>
void write_small(const Rows<const Number>& in, const Plane& plane, Number* picture) {
  int64_t row = 0;
  for (int64_t i = 0; i < plane.height; i += 2)
    for (int64_t j = 0; j < plane.width; j += 2, row += in.row)
      transform<Transposed<A>>(Across<const Number>{in, row}, tile_at(picture, plane, i, j),
                               plane.channels);
}

/// The lines a of a filter.
template <class Number>
VIDGEN_INLINE Square<Number> lines_of(Number* filter, int64_t pair, int64_t a) {
  return {filter + 2 * a * pair, 4 * pair, pair};
}

template <class Number>
void read_filter(const float* filter, int64_t channels, const Rows<Number>& out) {
  const int64_t pair = 2 * channels;
  for (int64_t a = 0; a < 2; ++a)
    transform<A>(lines_of(filter, pair, a), Across<Number>{out, a * pair}, pair);
}

template <class Number>
void write_filter(const Rows<const Number>& in, int64_t channels, float* filter) {
  const int64_t pair = 2 * channels;
  for (int64_t a = 0; a < 2; ++a)
    transform<Transposed<A>>(Across<const Number>{in, a * pair}, lines_of(filter, pair, a), pair);
}
