#include "vidgen/nn/layers.h"

#include <torch/nn/modules/activation.h>

#include <cmath>

#include "vidgen/nn/activation.h"
#include "vidgen/nn/convolution.h"
#include "vidgen/nn/layout.h"

namespace vidgen::nn {
namespace {

namespace layers = torch::nn;

torch::Tensor shown(const char* name, const torch::nn::Module& layer, const torch::Tensor& output,
                    const LayerObserver& observer) {
  if (observer) observer(name, layer, output);
  return output;
}

layers::Conv2d same_size(int64_t in, int64_t out, int64_t kernel, bool bias) {
  return layers::Conv2d(layers::Conv2dOptions(in, out, kernel).padding(kernel / 2).bias(bias));
}

template <class Layer>
graph::Value convolve(graph::Graph& graph, graph::Value x, const Layer& layer,
                      const std::string& name, bool transposed) {
  auto weight = layer.weight.detach();
  const int64_t more = graph.shape(x)[1].number - weight.size(transposed ? 0 : 1);
  if (transposed && more > 0) {
    weight = torch::cat(
        {weight, weight.new_zeros({more, weight.size(1), weight.size(2), weight.size(3)})});
  }
  const auto& padding = std::get<torch::ExpandingArray<2>>(layer.options.padding());
  const graph::Value bias =
      layer.bias.defined() ? graph.weight(name + ".bias", layer.bias) : graph::Value();
  return graph.convolve(x, graph.weight(name + ".weight", weight), bias,
                        {/*axes=*/2, transposed, layer.options.stride()->at(0), padding->at(0)});
}

graph::Value normalize(graph::Graph& graph, graph::Value x, const layers::BatchNorm2dImpl& norm,
                       const std::string& name) {
  return graph.batch_norm(
      {x, graph.weight(name + ".weight", norm.weight), graph.weight(name + ".bias", norm.bias),
       graph.weight(name + ".running_mean", norm.running_mean),
       graph.weight(name + ".running_var", norm.running_var)},
      norm.options.eps());
}

}  // namespace

ResidualBlockImpl::ResidualBlockImpl(ResidualBlockOptions options) : options(options) { reset(); }

void ResidualBlockImpl::reset() {
  const int64_t in = options.in, out = options.out;
  const bool bias = !options.batch_norm;
  if (options.resample == Resample::kDownsample2x) {
    down_ = register_module(
        "resample",
        layers::Conv2d(layers::Conv2dOptions(in, out, 4).stride(2).padding(1).bias(bias)));
  } else {
    up_ = register_module(
        "resample",
        layers::ConvTranspose2d(
            layers::ConvTranspose2dOptions(in, out, 4).stride(2).padding(1).bias(bias)));
  }
  if (options.over_time) {
    over_time_ = register_module(
        "over_time", layers::Conv2d(layers::Conv2dOptions(out, out, {3, 1}).padding({1, 0})));
  }
  conv_ = register_module("conv", same_size(out, out, 3, bias));
  project_ = register_module("project", same_size(in, out, 1, /*bias=*/false));
  if (options.batch_norm) {
    norm1_ = register_module("norm1", layers::BatchNorm2d(out));
    norm2_ = register_module("norm2", layers::BatchNorm2d(out));
  }
}

torch::Tensor ResidualBlockImpl::skip(const torch::Tensor& x, const LayerObserver& observer) {
  return shown("project", *project_, convolve(project_, down_ ? torch::avg_pool2d(x, 2) : x),
               observer);
}

// Clips as pictures [B,C,T,H*W]: LibTorch's 3-D convolution leaves garbage in the gradient of its
// weights in bfloat16 where a clip is shorter than the filter, and small ones change the layout.
torch::Tensor ResidualBlockImpl::along_time(const torch::Tensor& x, int64_t frames,
                                            const LayerObserver& observer) {
  const auto clips = as_clips(x, x.size(0) / frames);
  const auto y = shown("over_time", *over_time_, convolve(over_time_, clips.flatten(3)), observer);
  return as_frames(y.unflatten(3, {x.size(2), x.size(3)}));
}

graph::Value ResidualBlockImpl::describe(graph::Graph& graph, graph::Value x,
                                         const std::string& name) const {
  TORCH_CHECK(up_ && !over_time_, name, ": only blocks that double pictures are described");
  const auto layer = [&](graph::Value in, const char* part, const torch::nn::Module& module) {
    return describe_layer(graph, in, module, name + "." + part);
  };
  const auto lrelu = [&](graph::Value in) {
    return graph.apply(graph::Function::kLeakyRelu, {in});
  };
  auto main = layer(x, "resample", *up_);
  if (norm1_) main = layer(main, "norm1", *norm1_);
  main = layer(lrelu(main), "conv", *conv_);
  if (norm2_) main = layer(main, "norm2", *norm2_);
  const auto skip = graph.repeat_pixels(layer(x, "project", *project_));
  return lrelu(graph.multiply(graph.add(main, skip), graph.number(std::sqrt(0.5))));
}

torch::Tensor ResidualBlockImpl::forward(torch::Tensor x, int64_t frames,
                                         const LayerObserver& observer) {
  auto main = down_ ? shown("resample", *down_, convolve(down_, x), observer)
                    : shown("resample", *up_, convolve(up_, x), observer);
  if (norm1_ && !observer) {
    main = rectified_norm(*norm1_, main);
  } else {
    main = rectified(norm1_ ? shown("norm1", *norm1_, norm1_(main), observer) : main);
  }
  if (over_time_) {
    main = rectified(along_time(main, frames, observer));
  }
  main = shown("conv", *conv_, convolve(conv_, main), observer);
  const double half = std::sqrt(0.5);
  if (norm2_ && up_ && !observer) return rectified_norm(*norm2_, main, skip(x, observer), half);
  if (norm2_) main = shown("norm2", *norm2_, norm2_(main), observer);
  auto added = skip(x, observer);
  if (up_) added = torch::upsample_nearest2d(added, {main.size(2), main.size(3)});
  return rectified_sum(main, added, half);
}

torch::Tensor MinibatchStddevImpl::forward(const torch::Tensor& x, int64_t frames,
                                           int64_t batches) {
  TORCH_CHECK(x.dim() == 4 && frames > 0 && batches > 0 && x.size(0) % (frames * batches) == 0,
              "expected features [M,C,H,W] of ", batches, " batches of clips of ", frames,
              " frames, found ", x.sizes());
  // Squares and the number below need more range than float16 has.
  const auto wide = x.to(at::promote_types(x.scalar_type(), torch::kFloat));
  const auto clips = wide.unflatten(0, {batches, -1, frames});
  // The root has no gradient at 0, which clips that are alike would reach.
  const auto variance = (clips - clips.mean(1, /*keepdim=*/true)).square().mean(1);
  const auto deviation = (variance + 1e-8).sqrt().mean({2, 3, 4});  // [batches,frames]
  const auto channel = deviation.view({batches, 1, frames, 1, 1, 1})
                           .expand({batches, clips.size(1), frames, 1, x.size(2), x.size(3)})
                           .flatten(0, 2)
                           .to(x.scalar_type());
  return torch::cat({x, channel}, 1).contiguous(x.suggest_memory_format());
}

graph::Value describe_layer(graph::Graph& graph, graph::Value x, const torch::nn::Module& layer,
                            const std::string& name) {
  if (const auto* up = layer.as<layers::ConvTranspose2d>())
    return convolve(graph, x, *up, name, /*transposed=*/true);
  if (const auto* same = layer.as<layers::Conv2d>())
    return convolve(graph, x, *same, name, /*transposed=*/false);
  if (const auto* norm = layer.as<layers::BatchNorm2d>()) return normalize(graph, x, *norm, name);
  if (layer.as<layers::Tanh>()) return graph.apply(graph::Function::kTanh, {x});
  if (layer.as<layers::ReLU>()) return graph.apply(graph::Function::kRelu, {x});
  if (const auto* leaky = layer.as<layers::LeakyReLU>()) {
    TORCH_CHECK(leaky->options.negative_slope() == 0.2, name, ": expected a slope of 0.2");
    return graph.apply(graph::Function::kLeakyRelu, {x});
  }
  TORCH_CHECK(false, name, ": no description of a layer ", layer.name());
}

}  // namespace vidgen::nn
