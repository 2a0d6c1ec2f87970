#include "vidgen/kernels/winograd.h"

#include <ATen/core/LegacyTypeDispatch.h>
#include <torch/types.h>

#include <algorithm>
#include <type_traits>

#include "vidgen/kernels/parallel.h"
#include "winograd_tiles.h"

namespace vidgen::kernels::winograd {
namespace {

/// Bytes of the transformed clips that are worked on at a time: enough for products of a good size.
constexpr int64_t kChunkBytes = 64 << 20;

/// Sizes, and how many clips are worked on at a time.
struct Plan {
  Plan(c10::IntArrayRef large, c10::IntArrayRef small, at::ScalarType type)
      : batch(large[0]),
        large_frames(large[2]),
        small_frames(small[2]),
        taps(large_frames - small_frames + 1),
        large_plane{small[3], small[4], large[1]},
        small_plane{small[3], small[4], small[1]},
        tiles(small[3] * small[4] / 4) {
    TORCH_CHECK(small[3] % 2 == 0 && small[4] % 2 == 0, "winograd: expected even sizes, found ",
                small);
    const int64_t clip = kMatrices * static_cast<int64_t>(c10::elementSize(type)) * large_frames *
                         tiles * 4 * large[1];
    clips = std::clamp(kChunkBytes / clip, int64_t{1}, batch);
  }

  int64_t batch, large_frames, small_frames, taps;
  Plane large_plane, small_plane;
  int64_t tiles, clips;
};

/// Nine matrices as pictures [1,C,T,W], channels_last: a line for each frame, in which a clip's
/// tiles follow the previous clip's.
using Matrices = std::array<torch::Tensor, kMatrices>;

Matrices empty_matrices(int64_t frames, int64_t width, int64_t channels,
                        const torch::Tensor& like) {
  const auto memory = at::empty({kMatrices, 1, frames, width, channels}, like.options());
  Matrices result;
  for (int64_t p = 0; p < kMatrices; ++p) result[p] = memory[p].permute({0, 3, 1, 2});
  return result;
}

/// Their rows from `row` on; `Number` is const where they are only read.
template <class Number>
Rows<Number> rows(const Matrices& matrices, int64_t row) {
  Rows<Number> result{{}, matrices[0].size(1)};
  for (size_t p = 0; p < matrices.size(); ++p) {
    result.first[p] = matrices[p].data_ptr<std::remove_const_t<Number>>() + row * result.row;
  }
  return result;
}

/// Calls work(picture, row) for each picture of `count` clips from `first` on: its index among
/// all, and that of its first row in the matrices.
template <class Work>
void for_each_picture(const Plan& plan, int64_t frames, int64_t first, int64_t count,
                      const Work& work) {
  parallel_for(frames * count, [&](int64_t i) {
    work(first * frames + i, ((i % frames) * count + i / frames) * plan.tiles);
  });
}

/// Matrices of the clips first ... first + count: of 4C channels of large ones, C' of small ones.
Matrices clip_matrices(const Plan& plan, const torch::Tensor& clips, bool large, int64_t first,
                       int64_t count) {
  const int64_t frames = large ? plan.large_frames : plan.small_frames;
  const Plane& plane = large ? plan.large_plane : plan.small_plane;
  const int64_t phases = large ? 4 : 1, picture = phases * plane.numbers();
  const auto out = empty_matrices(frames, count * plan.tiles, phases * plane.channels, clips);
  with_number(clips.scalar_type(), [&](auto number) {
    using Number = decltype(number);
    const auto* in = clips.data_ptr<Number>();
    const auto all = transforms<Number>();
    const auto read = large ? all.read_large : all.read_small;
    for_each_picture(plan, frames, first, count, [&](int64_t i, int64_t row) {
      read(in + i * picture, plane, rows<Number>(out, row));
    });
  });
  return out;
}

/// The filters as matrices of these options, [9,C',k,4C].
torch::Tensor filter_matrices(const torch::Tensor& filters, const torch::TensorOptions& options) {
  const int64_t count = filters.size(0) * filters.size(2), channels = filters.size(1);
  const auto out = at::empty({kMatrices, filters.size(0), filters.size(2), 4 * channels}, options);
  with_number(out.scalar_type(), [&](auto number) {
    using Number = decltype(number);
    const float* in = filters.data_ptr<float>();
    const auto read = transforms<Number>().read_filter;
    parallel_for(count, [&](int64_t i) {
      Rows<Number> row{{}, 4 * channels};
      for (int64_t p = 0; p < kMatrices; ++p) {
        row.first[static_cast<size_t>(p)] =
            out.data_ptr<Number>() + p * out.stride(0) + i * 4 * channels;
      }
      read(in + i * 16 * channels, channels, row);
    });
  });
  return out;
}

/// The convolution over time of each matrix with its filters [9,C',k,4C], or the transposed one.
/// LibTorch's convolutions add up in float32 whatever they store.
Matrices multiply(const Matrices& matrices, const torch::Tensor& filters, bool transposed) {
  Matrices result;
  for (int64_t p = 0; p < kMatrices; ++p) {
    const auto weight = filters[p].unsqueeze(2).permute({0, 3, 1, 2});
    result[p] = at::convolution(matrices[p], weight, {}, {1}, {0}, {1}, transposed, {0}, 1)
                    .contiguous(at::MemoryFormat::ChannelsLast);
  }
  return result;
}

/// Rows of `frames` frames from `first` on.
torch::Tensor as_rows(const torch::Tensor& matrix, int64_t first, int64_t frames) {
  return matrix.squeeze(0).permute({1, 2, 0}).narrow(0, first, frames).flatten(0, 1);
}

template <class Work>
void for_each_chunk(const Plan& plan, const Work& work) {
  for (int64_t first = 0; first < plan.batch; first += plan.clips)
    work(first, std::min(plan.clips, plan.batch - first));
}

torch::Tensor laid_out(const torch::Tensor& clips) {
  return clips.contiguous(at::MemoryFormat::ChannelsLast3d);
}

torch::Tensor empty_clips(c10::IntArrayRef sizes, const torch::TensorOptions& options) {
  return at::empty(sizes, options.memory_format(at::MemoryFormat::ChannelsLast3d));
}

/// grow() to clips of these sizes, by filters that are matrices.
torch::Tensor grow_by(const torch::Tensor& small, const std::vector<int64_t>& sizes,
                      const torch::Tensor& filters, const Finish& finish) {
  const auto large = empty_clips(sizes, small.options());
  const Plan plan(large.sizes(), small.sizes(), small.scalar_type());
  const float* bias = finish.bias.defined() ? finish.bias.data_ptr<float>() : nullptr;
  for_each_chunk(plan, [&](int64_t first, int64_t count) {
    const auto x = multiply(clip_matrices(plan, small, /*large=*/false, first, count), filters,
                            /*transposed=*/true);
    with_number(large.scalar_type(), [&](auto number) {
      using Number = decltype(number);
      auto* out = large.data_ptr<Number>();
      const auto write = transforms<Number>().write_large;
      for_each_picture(plan, plan.large_frames, first, count, [&](int64_t i, int64_t row) {
        write(rows<const Number>(x, row), plan.large_plane,
              out + i * 4 * plan.large_plane.numbers(), bias, static_cast<float>(finish.slope));
      });
    });
  });
  return large;
}

}  // namespace

std::vector<int64_t> small_sizes(const torch::Tensor& large, const torch::Tensor& filters) {
  return {large.size(0), filters.size(0), large.size(2) - filters.size(2) + 1, large.size(3) / 2,
          large.size(4) / 2};
}

std::vector<int64_t> large_sizes(const torch::Tensor& small, const torch::Tensor& filters) {
  return {small.size(0), filters.size(1), small.size(2) + filters.size(2) - 1, 2 * small.size(3),
          2 * small.size(4)};
}

torch::Tensor shrink(const torch::Tensor& large_clips, const torch::Tensor& filter_bank) {
  const at::NoGradGuard no_grad;
  const auto large = laid_out(large_clips);
  const auto small = empty_clips(small_sizes(large, filter_bank), large.options());
  const auto filters = filter_matrices(laid_out(filter_bank), large.options());
  const Plan plan(large.sizes(), small.sizes(), large.scalar_type());
  for_each_chunk(plan, [&](int64_t first, int64_t count) {
    const auto y = multiply(clip_matrices(plan, large, /*large=*/true, first, count), filters,
                            /*transposed=*/false);
    with_number(small.scalar_type(), [&](auto number) {
      using Number = decltype(number);
      auto* out = small.data_ptr<Number>();
      const auto write = transforms<Number>().write_small;
      for_each_picture(plan, plan.small_frames, first, count, [&](int64_t i, int64_t row) {
        write(rows<const Number>(y, row), plan.small_plane, out + i * plan.small_plane.numbers());
      });
    });
  });
  return small;
}

torch::Tensor grow(const torch::Tensor& small_clips, const torch::Tensor& filter_bank) {
  const at::NoGradGuard no_grad;
  const auto small = laid_out(small_clips);
  return grow_by(small, large_sizes(small, filter_bank),
                 filter_matrices(laid_out(filter_bank), small.options()), {});
}

torch::Tensor prepare(const torch::Tensor& filter_bank, at::ScalarType type) {
  const at::NoGradGuard no_grad;
  return filter_matrices(laid_out(filter_bank), filter_bank.options().dtype(type));
}

torch::Tensor grow_prepared(const torch::Tensor& small_clips, const torch::Tensor& prepared,
                            const Finish& finish) {
  const at::NoGradGuard no_grad;
  const auto small = laid_out(small_clips);
  const std::vector<int64_t> sizes{small.size(0), prepared.size(3) / 4,
                                   small.size(2) + prepared.size(2) - 1, 2 * small.size(3),
                                   2 * small.size(4)};
  return grow_by(small, sizes, prepared, finish);
}

torch::Tensor correlate(const torch::Tensor& large_clips, const torch::Tensor& small_clips) {
  const at::NoGradGuard no_grad;
  const auto large = laid_out(large_clips), small = laid_out(small_clips);
  const Plan plan(large.sizes(), small.sizes(), large.scalar_type());
  const int64_t filters = small.size(1), channels = large.size(1), taps = plan.taps;
  const auto sums = at::empty({taps, kMatrices, filters, 4 * channels}, large.options());
  for_each_chunk(plan, [&](int64_t first, int64_t count) {
    const auto x = clip_matrices(plan, large, /*large=*/true, first, count);
    const auto y = clip_matrices(plan, small, /*large=*/false, first, count);
    parallel_for(kMatrices * taps, [&](int64_t i) {
      // The threads of a loop do not know whether gradients, or inference tensors, are on.
      const at::AutoDispatchBelowADInplaceOrView no_autograd;
      const int64_t p = i / taps, k = i % taps;
      const auto matrix = static_cast<size_t>(p);
      sums[k][p].addmm_(as_rows(y[matrix], 0, plan.small_frames).t(),
                        as_rows(x[matrix], k, plan.small_frames), /*beta=*/first == 0 ? 0 : 1);
    });
  });
  const auto result =
      empty_clips({filters, channels, taps, 4, 4}, large.options().dtype(at::kFloat));
  with_number(sums.scalar_type(), [&](auto number) {
    using Number = decltype(number);
    auto* out = result.data_ptr<float>();
    const auto write = transforms<Number>().write_filter;
    parallel_for(filters * taps, [&](int64_t i) {
      Rows<const Number> row{{}, 4 * channels};
      const Number* in =
          sums.data_ptr<Number>() + (i % taps) * sums.stride(0) + (i / taps) * 4 * channels;
      for (auto& matrix : row.first) {
        matrix = in;
        in += sums.stride(1);
      }
      write(row, channels, out + i * 16 * channels);
    });
  });
  return result;
}

}  // namespace vidgen::kernels::winograd
