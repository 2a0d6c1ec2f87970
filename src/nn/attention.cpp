#include "vidgen/nn/attention.h"

namespace vidgen::nn {
namespace {

torch::nn::Conv2d conv1x1(int64_t in, int64_t out) {
  return torch::nn::Conv2d(torch::nn::Conv2dOptions(in, out, 1));
}

/// [M,c,H,W] as [groups,tokens,c]: a view when channels_last.
torch::Tensor tokens(const torch::Tensor& images, int64_t groups) {
  return images.permute({0, 2, 3, 1}).reshape({groups, -1, images.size(1)});
}

}  // namespace

SelfAttentionImpl::SelfAttentionImpl(SelfAttentionOptions options) : options(options) { reset(); }

void SelfAttentionImpl::reset() {
  const int64_t inner = options.query_channels();
  query = register_module("query", conv1x1(options.channels, inner));
  key = register_module("key", conv1x1(options.channels, inner));
  value = register_module("value", conv1x1(options.channels, options.channels));
  gamma = register_parameter("gamma", torch::zeros({1}));
}

torch::Tensor SelfAttentionImpl::forward(const torch::Tensor& x, int64_t frames) {
  const bool space_time = options.axes == AttentionAxes::kSpaceTime;
  if (x.dim() == 5) {
    // To a 1x1 convolution a clip is one picture of T*H rows, which is a view of it in either
    // layout.
    const int64_t groups = space_time ? x.size(0) : x.size(0) * x.size(2);
    return attend(x.flatten(2, 3), groups).reshape_as(x);
  }
  TORCH_CHECK(x.dim() == 4 && frames > 0 && x.size(0) % frames == 0,
              "expected frames [M,C,H,W] with ", frames, " to a clip, found ", x.sizes());
  return attend(x, space_time ? x.size(0) / frames : x.size(0));
}

torch::Tensor SelfAttentionImpl::attend(const torch::Tensor& images, int64_t groups) {
  const auto q = tokens(query(images), groups);
  const auto k = tokens(key(images), groups);
  const auto v = tokens(value(images), groups);
  const auto weights = torch::softmax(q.bmm(k.transpose(1, 2)), -1);
  const auto out = weights.bmm(v)
                       .view({images.size(0), images.size(2), images.size(3), images.size(1)})
                       .permute({0, 3, 1, 2});
  return images + gamma.to(out.scalar_type()) * out;
}

graph::Value SelfAttentionImpl::describe(graph::Graph& graph,
                                         const std::vector<graph::Value>& inputs,
                                         const std::string& name) const {
  const graph::Value x = inputs.front();
  const graph::Shape shape = graph.shape(x);
  // [M,c,H,W] -> [groups,tokens,c].
  const auto tokens = [&](const std::string& part, const torch::nn::Conv2d& projection) {
    const auto weights = name + "." + part;
    const auto projected =
        graph.convolve(x, graph.weight(weights + ".weight", projection->weight),
                       graph.weight(weights + ".bias", projection->bias), {2, false, 1, 0});
    const auto groups = options.axes == AttentionAxes::kSpaceTime ? graph::each_clip() : shape[0];
    return graph.reshape(graph.transpose(projected, {0, 2, 3, 1}),
                         {groups, -1, projection->weight.size(0)});
  };
  const auto q = tokens("query", query);
  const auto k = graph.transpose(tokens("key", key), {0, 2, 1});
  const auto v = tokens("value", value);
  const auto weights = graph.apply(graph::Function::kSoftmax, {graph.matrix_product(q, k)});
  const auto out = graph.transpose(
      graph.reshape(graph.matrix_product(weights, v), {shape[0], shape[2], shape[3], shape[1]}),
      {0, 3, 1, 2});
  return graph.add(x, graph.multiply(out, graph.weight(name + ".gamma", gamma)));
}

}  // namespace vidgen::nn
