#include "winograd.h"

#include <ATen/Parallel.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <torch/types.h>

#include <algorithm>

#include "winograd_tiles.h"

namespace vidgen::nn::winograd {
namespace {

/// Bytes of the transformed clips, and of the transformed filters, that are worked on at a time:
/// few enough for the cache, many enough for products of a good size.
constexpr int64_t kClipBytes = 8 << 20;
constexpr int64_t kFilterBytes = 24 << 20;

/// Sizes, and how the work is cut: `clips` at a time, for `filters` at a time.
struct Plan {
  Plan(c10::IntArrayRef large, c10::IntArrayRef small)
      : batch(large[0]),
        large_frames(large[2]),
        small_frames(small[2]),
        taps(large_frames - small_frames + 1),
        height(small[3]),
        width(small[4]),
        tiles(height * width / 4),
        large_channels(large[1]),
        small_channels(small[1]) {
    TORCH_CHECK(height % 2 == 0 && width % 2 == 0, "winograd: expected even sizes, found ", small);
    const int64_t number = kMatrices * static_cast<int64_t>(sizeof(float));
    const int64_t filter = number * taps * 4 * large_channels;
    filters = std::clamp(kFilterBytes / filter / 16 * 16, int64_t{16}, small_channels);
    const int64_t clip = number * large_frames * tiles * 4 * large_channels;
    clips = std::clamp(kClipBytes / clip, int64_t{1}, batch);
  }

  /// Rows of the matrices of `count` clips: by frame, then by clip, then by tile.
  int64_t rows(int64_t frames, int64_t count) const { return frames * count * tiles; }
  Plane large() const { return {height, width, large_channels, 0, large_channels}; }
  Plane small(int64_t first, int64_t count) const {
    return {height, width, small_channels, first, count};
  }

  int64_t batch, large_frames, small_frames, taps, height, width, tiles;
  int64_t large_channels, small_channels;
  int64_t clips, filters;
};

/// Calls work(picture, row) for each picture of `count` clips: its index in the chunk's memory, and
/// that of its first row in the matrices.
template <class Work>
void for_each_picture(const Plan& plan, int64_t frames, int64_t count, const Work& work) {
  parallel_for(frames * count,
               [&](int64_t i) { work(i, ((i % frames) * count + i / frames) * plan.tiles); });
}

float* data(const torch::Tensor& tensor) { return tensor.data_ptr<float>(); }

/// Matrices [9,rows,4C] of the large clips first ... first + count.
torch::Tensor large_matrices(const Plan& plan, const torch::Tensor& large, int64_t first,
                             int64_t count) {
  const int64_t row = 4 * plan.large_channels;
  auto out = at::empty({kMatrices, plan.rows(plan.large_frames, count), row}, large.options());
  const int64_t picture = row * plan.height * plan.width;
  const float* in = data(large) + first * plan.large_frames * picture;
  for_each_picture(plan, plan.large_frames, count, [&](int64_t i, int64_t at) {
    read_large(in + i * picture, plan.large(), {data(out) + at * row, out.stride(0), row});
  });
  return out;
}

/// Matrices [9,rows,n] of channels channel ... channel + n of the small clips first ... first +
/// count.
torch::Tensor small_matrices(const Plan& plan, const torch::Tensor& small, int64_t first,
                             int64_t count, int64_t channel, int64_t n) {
  auto out = at::empty({kMatrices, plan.rows(plan.small_frames, count), n}, small.options());
  const int64_t picture = plan.small_channels * plan.height * plan.width;
  const float* in = data(small) + first * plan.small_frames * picture;
  for_each_picture(plan, plan.small_frames, count, [&](int64_t i, int64_t at) {
    read_small(in + i * picture, plan.small(channel, n), {data(out) + at * n, out.stride(0), n});
  });
  return out;
}

/// Matrices [taps,9,n,4C] of filters first ... first + n.
torch::Tensor filter_matrices(const Plan& plan, const torch::Tensor& filters, int64_t first,
                              int64_t n) {
  const int64_t row = 4 * plan.large_channels, filter = 4 * row;
  auto out = at::empty({plan.taps, kMatrices, n, row}, filters.options());
  parallel_for(n, [&](int64_t i) {
    for (int64_t k = 0; k < plan.taps; ++k)
      read_filter(data(filters) + ((first + i) * plan.taps + k) * filter, plan.large_channels,
                  {data(out) + k * out.stride(0) + i * row, out.stride(1), row});
  });
  return out;
}

/// The rows of the large clips' frames that tap k of a filter sees.
torch::Tensor seen_by(const Plan& plan, const torch::Tensor& large, int64_t k, int64_t count) {
  return large.narrow(1, plan.rows(k, count), plan.rows(plan.small_frames, count));
}

/// Calls work(matrix, tap), tap by tap for each of the nine matrices, so that it stays in the
/// cache.
template <class Work>
void for_each_product(const Plan& plan, const Work& work) {
  const auto products = [&](int64_t p) {
    // The threads of the loop do not know whether gradients, or inference tensors, are on.
    const at::AutoDispatchBelowADInplaceOrView no_grad;
    for (int64_t k = 0; k < plan.taps; ++k) work(p, k);
  };
  if (at::get_num_threads() <= kMatrices / 2) return parallel_for(kMatrices, products);
  for (int64_t p = 0; p < kMatrices; ++p) products(p);  // each by all threads
}

/// Remembers the last value: what is needed for each part of an outer loop is made once where the
/// inner loop has one part.
class Latest {
 public:
  template <class Make>
  const torch::Tensor& at(int64_t key, const Make& make) {
    if (!value_.defined() || key != key_) value_ = make();
    key_ = key;
    return value_;
  }

 private:
  int64_t key_ = 0;
  torch::Tensor value_;
};

template <class Work>
void for_each_part(int64_t size, int64_t part, const Work& work) {
  for (int64_t first = 0; first < size; first += part) work(first, std::min(part, size - first));
}

torch::Tensor laid_out(const torch::Tensor& clips) {
  return clips.contiguous(at::MemoryFormat::ChannelsLast3d);
}

torch::Tensor empty_like_clips(c10::IntArrayRef sizes, const torch::Tensor& like) {
  return at::empty(sizes, like.options().memory_format(at::MemoryFormat::ChannelsLast3d));
}

/// grow() to clips of these sizes, by the matrices [taps,9,n,4C] that weights(plan, channel, n)
/// gives for filters channel ... channel + n.
template <class Weights>
torch::Tensor grow_by(const torch::Tensor& small, const std::vector<int64_t>& sizes,
                      const Finish& finish, const Weights& weights) {
  const auto large = empty_like_clips(sizes, small);
  const Plan plan(large.sizes(), small.sizes());
  const int64_t row = 4 * plan.large_channels, picture = row * plan.height * plan.width;
  const float* bias = finish.bias.defined() ? data(finish.bias) : nullptr;
  for_each_part(plan.batch, plan.clips, [&](int64_t first, int64_t count) {
    const auto x =
        at::empty({kMatrices, plan.rows(plan.large_frames, count), row}, small.options());
    for_each_part(plan.small_channels, plan.filters, [&](int64_t channel, int64_t n) {
      const torch::Tensor w = weights(plan, channel, n);
      const auto y = small_matrices(plan, small, first, count, channel, n);
      for_each_product(plan, [&](int64_t p, int64_t k) {
        if (channel == 0 && k == 0) x[p].zero_();
        seen_by(plan, x, k, count)[p].addmm_(y[p], w[k][p]);
      });
    });
    float* out = data(large) + first * plan.large_frames * picture;
    for_each_picture(plan, plan.large_frames, count, [&](int64_t i, int64_t at) {
      write_large({data(x) + at * row, x.stride(0), row}, plan.large(), out + i * picture, bias,
                  static_cast<float>(finish.slope));
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
  const auto large = laid_out(large_clips), filters = laid_out(filter_bank);
  const auto small = empty_like_clips(small_sizes(large, filters), large);
  const Plan plan(large.sizes(), small.sizes());
  const int64_t picture = plan.small_channels * plan.height * plan.width;
  Latest in;
  for_each_part(plan.small_channels, plan.filters, [&](int64_t channel, int64_t n) {
    const auto weights = filter_matrices(plan, filters, channel, n).transpose(2, 3);
    for_each_part(plan.batch, plan.clips, [&](int64_t first, int64_t count) {
      const auto& x = in.at(first, [&] { return large_matrices(plan, large, first, count); });
      const auto y = at::empty({kMatrices, plan.rows(plan.small_frames, count), n}, x.options());
      for_each_product(plan, [&](int64_t p, int64_t k) {
        auto out = y[p];
        at::addmm_out(out, out, seen_by(plan, x, k, count)[p], weights[k][p], k == 0 ? 0 : 1);
      });
      float* out = data(small) + first * plan.small_frames * picture;
      for_each_picture(plan, plan.small_frames, count, [&](int64_t i, int64_t at) {
        write_small({data(y) + at * n, y.stride(0), n}, plan.small(channel, n), out + i * picture);
      });
    });
  });
  return small;
}

torch::Tensor grow(const torch::Tensor& small_clips, const torch::Tensor& filter_bank) {
  const at::NoGradGuard no_grad;
  const auto small = laid_out(small_clips), filters = laid_out(filter_bank);
  Latest weights;
  return grow_by(
      small, large_sizes(small, filters), {}, [&](const Plan& plan, int64_t channel, int64_t n) {
        return weights.at(channel, [&] { return filter_matrices(plan, filters, channel, n); });
      });
}

torch::Tensor prepare(const torch::Tensor& filter_bank) {
  const at::NoGradGuard no_grad;
  const auto filters = laid_out(filter_bank);
  const int64_t channels = filters.size(0), taps = filters.size(2);
  // The filters of a single tile, of which the plan's other sizes are.
  const Plan plan({1, filters.size(1), taps, 4, 4}, {1, channels, 1, 2, 2});
  return filter_matrices(plan, filters, 0, channels);
}

torch::Tensor grow_prepared(const torch::Tensor& small_clips, const torch::Tensor& prepared,
                            const Finish& finish) {
  const at::NoGradGuard no_grad;
  const auto small = laid_out(small_clips);
  const std::vector<int64_t> sizes{small.size(0), prepared.size(3) / 4,
                                   small.size(2) + prepared.size(0) - 1, 2 * small.size(3),
                                   2 * small.size(4)};
  return grow_by(small, sizes, finish, [&](const Plan&, int64_t channel, int64_t n) {
    return prepared.narrow(2, channel, n);
  });
}

torch::Tensor correlate(const torch::Tensor& large_clips, const torch::Tensor& small_clips) {
  const at::NoGradGuard no_grad;
  const auto large = laid_out(large_clips), small = laid_out(small_clips);
  const Plan plan(large.sizes(), small.sizes());
  const auto result =
      empty_like_clips({plan.small_channels, plan.large_channels, plan.taps, 4, 4}, large);
  const int64_t row = 4 * plan.large_channels, filter = 4 * row;
  Latest in;
  for_each_part(plan.small_channels, plan.filters, [&](int64_t channel, int64_t n) {
    const auto sum = at::empty({plan.taps, kMatrices, n, row}, large.options());
    for_each_part(plan.batch, plan.clips, [&](int64_t first, int64_t count) {
      const auto& x = in.at(first, [&] { return large_matrices(plan, large, first, count); });
      const auto y = small_matrices(plan, small, first, count, channel, n).transpose(1, 2);
      for_each_product(plan, [&](int64_t p, int64_t k) {
        sum[k][p].addmm_(y[p], seen_by(plan, x, k, count)[p], /*beta=*/first == 0 ? 0 : 1);
      });
    });
    parallel_for(n, [&](int64_t i) {
      for (int64_t k = 0; k < plan.taps; ++k)
        write_filter({data(sum) + k * sum.stride(0) + i * row, sum.stride(1), row},
                     plan.large_channels, data(result) + ((channel + i) * plan.taps + k) * filter);
    });
  });
  return result;
}

}  // namespace vidgen::nn::winograd
