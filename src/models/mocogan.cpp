#include "vidgen/models/mocogan.h"

#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/conv.h>

#include <algorithm>

namespace vidgen::models {
namespace {

namespace layers = torch::nn;

layers::Conv3d convolution(int64_t in, int64_t out, int64_t stride, int64_t padding) {
  return layers::Conv3d(layers::Conv3dOptions(in, out, 4)
                            .stride({1, stride, stride})
                            .padding({0, padding, padding})
                            .bias(false));
}

}  // namespace

MocoganDiscriminatorImpl::MocoganDiscriminatorImpl(MocoganDiscriminatorOptions options)
    : options(std::move(options)) {
  reset();
}

void MocoganDiscriminatorImpl::reset() {
  stages_ = nn::Stages();
  int64_t channels = options.channels;
  int64_t resolution = int64_t{4} << options.widths.size();
  const auto& attention = options.attention;
  for (size_t i = 0; i < options.widths.size(); ++i) {
    const int64_t width = options.widths[i];
    stages_.add(convolution(channels, width, 2, 1));
    if (i > 0) stages_.add(layers::BatchNorm3d(width));
    stages_.add(layers::LeakyReLU(layers::LeakyReLUOptions().negative_slope(0.2).inplace(true)));
    resolution /= 2;
    if (std::find(attention.begin(), attention.end(), resolution) != attention.end()) {
      stages_.add_attention(resolution, {width, options.attention_axes});
    }
    channels = width;
  }
  stages_.add(convolution(channels, 1 + options.classes, 1, 0));
  stages_.register_in(*this);
}

torch::Tensor MocoganDiscriminatorImpl::forward(const torch::Tensor& x,
                                                const nn::LayerObserver& observer) {
  const auto stages = static_cast<int64_t>(options.widths.size());
  const int64_t size = int64_t{4} << stages;
  TORCH_CHECK(x.dim() == 5 && x.size(1) == options.channels && x.size(2) >= 3 * stages + 4 &&
                  x.size(3) == size && x.size(4) == size,
              "expected clips [B,", options.channels, ",T,", size, ",", size,
              "] of T >= ", 3 * stages + 4, " frames, found ", x.sizes());
  return stages_.forward(x, 1, observer);
}

}  // namespace vidgen::models
