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
};

/// The row of a first tile in each of the nine matrices; the next row begins `row` numbers further
/// on.
template <class Number>
struct Rows {
  std::array<Number*, kMatrices> first;
  int64_t row;
};

/// Reads a large picture, all its channels.
void read_large(const float* picture, const Plane& plane, const Rows<float>& out);
void read_large(const c10::BFloat16* picture, const Plane& plane, const Rows<c10::BFloat16>& out);
/// The adjoint of read_large(): writes the large picture, to each pixel of which the numbers of its
/// channels `bias` are added, if not null; then what is negative is multiplied by `slope`.
void write_large(const Rows<const float>& in, const Plane& plane, float* picture,
                 const float* bias = nullptr, float slope = 1);
void write_large(const Rows<const c10::BFloat16>& in, const Plane& plane, c10::BFloat16* picture,
                 const float* bias = nullptr, float slope = 1);
/// Reads a small picture.
void read_small(const float* picture, const Plane& plane, const Rows<float>& out);
void read_small(const c10::BFloat16* picture, const Plane& plane, const Rows<c10::BFloat16>& out);
/// The adjoint of read_small(): writes the small picture.
void write_small(const Rows<const float>& in, const Plane& plane, float* picture);
void write_small(const Rows<const c10::BFloat16>& in, const Plane& plane, c10::BFloat16* picture);
/// Reads a filter [4,4,C]: one row of 4C numbers.
void read_filter(const float* filter, int64_t channels, const Rows<float>& out);
void read_filter(const float* filter, int64_t channels, const Rows<c10::BFloat16>& out);
/// The adjoint of read_filter(): writes a filter.
void write_filter(const Rows<const float>& in, int64_t channels, float* filter);
void write_filter(const Rows<const c10::BFloat16>& in, int64_t channels, float* filter);

}  // namespace vidgen::kernels::winograd
