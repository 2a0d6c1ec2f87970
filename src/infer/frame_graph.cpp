#include "graph.h"
#include "vidgen/core/error.h"

namespace vidgen::infer {
namespace {

class FrameGraphBuilder {
 public:
  FrameGraphBuilder(const Extent& clips, GraphWriter& writer) : clips_(clips), writer_(writer) {}

  Value run(const Plan& plan, const Value& z);

 private:
  /// Pictures of `side` pixels a side.
  struct Pictures {
    Value value;
    int64_t side;
  };

  Pictures layer(const Layer& layer, const std::vector<Pictures>& inputs);
  Value convolve(const Layer& layer, const Value& x);
  Value attend(const Layer& layer, const Pictures& pictures);
  Value activated(const Value& x, Activation activation);

  const Extent& clips_;
  GraphWriter& writer_;
};

Value FrameGraphBuilder::activated(const Value& x, Activation activation) {
  switch (activation) {
    case Activation::kNone:
      return x;
    case Activation::kRelu:
      return writer_.apply(Operation::kRelu, {x});
    case Activation::kLeakyRelu:
      return writer_.apply(Operation::kLeakyRelu, {x});
    case Activation::kTanh:
      return writer_.apply(Operation::kTanh, {x});
  }
  TORCH_CHECK(false, "unknown activation");
}

Value FrameGraphBuilder::convolve(const Layer& layer, const Value& x) {
  Convolution convolution;
  if (layer.kind == Layer::Kind::kDouble) {
    convolution = {/*axes=*/2, /*transposed=*/true, /*stride=*/2, /*padding=*/1};
  } else if (layer.kind == Layer::Kind::kFromLatent) {
    convolution.transposed = true;
  } else {
    convolution.padding = layer.weight.size(2) / 2;
  }
  const Value weight = writer_.weight(layer.name + ".weight", layer.weight);
  const Value bias = writer_.weight(layer.name + ".bias", layer.bias);
  return writer_.convolve(x, weight, bias, convolution);
}

Value FrameGraphBuilder::attend(const Layer& layer, const Pictures& pictures) {
  const auto& block = layer.attention;
  const int64_t side = pictures.side;
  const bool space_time = block->options.axes == nn::AttentionAxes::kSpaceTime;
  // [M,c,H,W] -> [groups,tokens,c].
  const auto tokens = [&](const char* part, const torch::nn::Conv2d& projection) {
    const std::string name = core::cat(layer.name, ".", part);
    const Value projected =
        writer_.convolve(pictures.value, writer_.weight(name + ".weight", projection->weight),
                         writer_.weight(name + ".bias", projection->bias), Convolution{});
    const Value last = writer_.transpose(projected, {0, 2, 3, 1});
    const int64_t width = projection->weight.size(0);
    return space_time ? writer_.reshape(last, {clips_, -1, width})
                      : writer_.reshape(last, {-1, side * side, width});
  };
  const Value query = tokens("query", block->query);
  const Value key = writer_.transpose(tokens("key", block->key), {0, 2, 1});
  const Value value = tokens("value", block->value);
  const Value likeness = writer_.apply(Operation::kMatrixProduct, {query, key});
  const Value weights = writer_.apply(Operation::kSoftmax, {likeness});
  const Value sum = writer_.apply(Operation::kMatrixProduct, {weights, value});
  const int64_t channels = block->value->weight.size(0);
  const Value found =
      writer_.transpose(writer_.reshape(sum, {-1, side, side, channels}), {0, 3, 1, 2});
  const Value gamma = writer_.weight(layer.name + ".gamma", block->gamma);
  return writer_.apply(Operation::kAdd,
                       {pictures.value, writer_.apply(Operation::kMultiply, {found, gamma})});
}

FrameGraphBuilder::Pictures FrameGraphBuilder::layer(const Layer& layer,
                                                     const std::vector<Pictures>& inputs) {
  const auto& [value, side] = inputs.front();
  switch (layer.kind) {
    case Layer::Kind::kFromLatent:
      return {convolve(layer, value), 4};
    case Layer::Kind::kDouble:
      return {convolve(layer, value), 2 * side};
    case Layer::Kind::kConvolution:
      return {convolve(layer, value), side};
    case Layer::Kind::kRepeat:
      return {writer_.repeat_pixels(value), 2 * side};
    case Layer::Kind::kAdd: {
      const Value sum = writer_.apply(Operation::kAdd, {value, inputs.back().value});
      return {writer_.apply(Operation::kMultiply, {sum, writer_.number(layer.scale)}), side};
    }
    case Layer::Kind::kAttention:
      return {attend(layer, inputs.front()), side};
  }
  TORCH_CHECK(false, "unknown kind of layer ", layer.name);
}

Value FrameGraphBuilder::run(const Plan& plan, const Value& z) {
  std::vector<Pictures> done;
  for (const auto& next : plan) {
    std::vector<Pictures> inputs;
    for (const size_t input : next.inputs) inputs.push_back(done.at(input));
    if (inputs.empty()) inputs.push_back({z, 1});
    auto result = layer(next, inputs);
    result.value = activated(result.value, next.activation);
    done.push_back(result);
  }
  return done.back().value;
}

}  // namespace

Value write_frames(const Plan& plan, const Value& z, const Extent& clips, GraphWriter& writer) {
  return FrameGraphBuilder(clips, writer).run(plan, z);
}

}  // namespace vidgen::infer
