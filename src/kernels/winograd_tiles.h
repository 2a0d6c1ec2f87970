#pragma once

#include <c10/util/BFloat16.h>

#include <array>
#include <cstdint>

/// The transforms of the Winograd algorithm (winograd.h) for one picture or one filter, in plain
/// memory.
///
/// The large picture is [2H,2W,C], the small one [H,W,C'], which is cut into tiles of 2x2 pixels. A
/// tile becomes 9 numbers a channel, each in a matrix of its own, where the tile is one row. A row
/// of the large picture has 4C numbers, because its even and odd lines and columns count as
/// channels. Sums are made in float32, whatever the numbers are stored as.
namespace vidgen::kernels::winograd {

constexpr int64_t kMatrices = 9;

struct Plane {
  /// H, W: even.
  int64_t height, width;
  int64_t channels;

  /// Those of a small picture; a large one has four times as many.
  int64_t numbers() const { return height * width * channels; }
};

/// The row of a first tile in each of the nine matrices; the next row begins `row` numbers further
/// on.
template <class Number>
struct Rows {
  std::array<Number*, kMatrices> first;
  int64_t row;
};

/// The transforms of numbers that are stored as float or c10::BFloat16.
template <class Number>
struct Transforms {
  /// Reads a large picture, all its channels.
  void (*read_large)(const Number* picture, const Plane& plane, const Rows<Number>& out);
  /// The adjoint of read_large(): writes the large picture, to each pixel of which the numbers of
  /// its channels `bias` are added, if not null; then what is negative is multiplied by `slope`.
  void (*write_large)(const Rows<const Number>& in, const Plane& plane, Number* picture,
                      const float* bias, float slope);
  /// Reads a small picture.
  void (*read_small)(const Number* picture, const Plane& plane, const Rows<Number>& out);
  /// The adjoint of read_small(): writes the small picture.
  void (*write_small)(const Rows<const Number>& in, const Plane& plane, Number* picture);
  /// Reads a filter [4,4,C]: one row of 4C numbers.
  void (*read_filter)(const float* filter, int64_t channels, const Rows<Number>& out);
  /// The adjoint of read_filter(): writes a filter.
  void (*write_filter)(const Rows<const Number>& in, int64_t channels, float* filter);
};

/// Those that are compiled for this processor.
template <class Number>
Transforms<Number> transforms();

}  // namespace vidgen::kernels::winograd
