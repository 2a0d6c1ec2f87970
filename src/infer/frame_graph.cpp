#include "graph.h"
#include "vidgen/core/error.h"

namespace vidgen::infer {
namespace {

class FrameGraphBuilder {
 public:
  FrameGraphBuilder(const Playable& generator, const Extent& clips, GraphWriter& writer)
      : generator_(generator), clips_(clips), writer_(writer) {}

  Value run(const Value& z);

 private:
  /// Pictures of `side` pixels a side.
  struct Pictures {
    Value value;
    int64_t side;
  };

  Pictures layer(const Layer& layer, const std::vector<Pictures>& inputs, const Value& z);
  Value convolve(const Layer& layer, const Value& x);
  Value int8_bias(const std::string& name, const QuantizedLayer& layer);
  Value attend(const Layer& layer, const Pictures& pictures);
  Value warp(const Layer& layer, const Pictures& pictures, const Value& z);
  Value activated(const Value& x, Activation activation);

  const Playable& generator_;
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
  const auto found = generator_.int8.find(layer.name);
  const bool int8 = found != generator_.int8.end();
  const auto& weight = int8 ? found->second.weight : layer.weight;
  Value from = x;
  Convolution convolution;
  if (layer.kind == Layer::Kind::kDouble) {
    convolution = {/*axes=*/2, /*transposed=*/true, /*stride=*/2, /*padding=*/1};
  } else if (layer.kind == Layer::Kind::kFromLatent) {
    convolution.transposed = true;
    from = writer_.reshape(x, {-1, weight.size(0), 1, 1});
  } else {
    convolution.padding = weight.size(2) / 2;
  }
  const std::string name = layer.name + ".weight";
  if (!int8) {
    return writer_.convolve(from, writer_.weight(name, layer.weight),
                            writer_.weight(layer.name + ".bias", layer.bias), convolution);
  }
  const auto& quantized = found->second;
  return writer_.convolve(
      writer_.round_to_uint8(from, quantized.input_scale, quantized.input_zero_point),
      writer_.scaled_weight(name, quantized.weight, quantized.weight_scale,
                            output_axis(layer.kind)),
      int8_bias(layer.name + ".bias", quantized), convolution);
}

// As the integers that runtimes want it in, to add them to sums of products of integers; in
// floating point where they would be too large.
Value FrameGraphBuilder::int8_bias(const std::string& name, const QuantizedLayer& layer) {
  const auto unit = layer.weight_scale * layer.input_scale;
  const auto integers = (layer.bias.to(torch::kDouble) / unit.to(torch::kDouble)).round();
  if (!integers.abs().le(int64_t{1} << 30).all().item<bool>()) {
    return writer_.weight(name, layer.bias);
  }
  return writer_.scaled_weight(name, integers.to(torch::kInt), unit, 0);
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

/// Where the middle of each pixel lies, in [-1,1], as [1,side*side,3]: x, y and 1.
torch::Tensor pixel_places(int64_t side) {
  const auto along = (2 * torch::arange(side, torch::kFloat) + 1) / side - 1;
  const auto yx = torch::meshgrid({along, along}, "ij");
  return torch::stack({yx[1], yx[0], torch::ones({side, side})}, 2).view({1, side * side, 3});
}

Value FrameGraphBuilder::warp(const Layer& layer, const Pictures& pictures, const Value& z) {
  const auto& options = layer.warp->options;
  const auto parameters = layer.warp->named_parameters();
  const auto linear = [&](const Value& x, const char* part, const torch::Tensor& weight,
                          const torch::Tensor& bias) {
    const std::string name = core::cat(layer.name, ".motion.", part);
    const Value product = writer_.apply(
        Operation::kMatrixProduct, {x, writer_.weight(name + ".weight", weight.t().contiguous())});
    return writer_.apply(Operation::kAdd, {product, writer_.weight(name + ".bias", bias)});
  };
  // Groups that stay have maps without a motion, and fades of 1: the numbers of the first rows are
  // zeros.
  const auto of_all = [&](const torch::Tensor& moving, int64_t numbers) {
    auto all = torch::zeros({numbers * options.groups, moving.size(1)});
    all.narrow(0, numbers * options.still, moving.size(0)).copy_(moving);
    return all;
  };
  const int64_t map_rows = 6 * options.moving();
  const auto rows =
      torch::cat({parameters["motion.2.weight"], parameters["motion.2.bias"].unsqueeze(1)}, 1);
  const auto map = of_all(rows.narrow(0, 0, map_rows) * layer.warp->scale().unsqueeze(1), 6);
  const Value code = writer_.reshape(z, {-1, options.code_dim});
  const Value hidden =
      activated(linear(code, "0", parameters["motion.0.weight"], parameters["motion.0.bias"]),
                Activation::kLeakyRelu);
  const auto last = [&](const char* part, const torch::Tensor& all) {
    return linear(hidden, part, all.narrow(1, 0, options.hidden), all.select(1, options.hidden));
  };
  map.select(1, options.hidden) += torch::eye(2, 3).flatten().repeat(options.groups);
  const Value maps = last("2", map);
  const Value turned = writer_.transpose(writer_.reshape(maps, {-1, 2, 3}), {0, 2, 1});
  const int64_t side = pictures.side, channels = options.channels;
  const Value places = writer_.weight(layer.name + ".places", pixel_places(side));
  const Value grid = writer_.reshape(writer_.apply(Operation::kMatrixProduct, {places, turned}),
                                     {-1, side, side, 2});
  const Value groups = writer_.reshape(pictures.value, {-1, channels / options.groups, side, side});
  Value moved = writer_.sample(groups, grid);
  if (options.fade) {
    const auto fade = of_all(rows.narrow(0, map_rows, options.moving()), 1);
    const Value more = writer_.apply(Operation::kTanh, {last("fade", fade)});
    const Value factor = writer_.apply(Operation::kAdd, {more, writer_.number(1)});
    moved = writer_.apply(Operation::kMultiply, {moved, writer_.reshape(factor, {-1, 1, 1, 1})});
  }
  if (options.objects == 1) return writer_.reshape(moved, {-1, channels, side, side});
  const auto shown =
      writer_.split(writer_.reshape(moved, {-1, options.objects * channels, side, side}),
                    std::vector<int64_t>(static_cast<size_t>(options.objects), channels));
  Value sum = shown.front();
  for (size_t i = 1; i < shown.size(); ++i) sum = writer_.apply(Operation::kAdd, {sum, shown[i]});
  return sum;
}

FrameGraphBuilder::Pictures FrameGraphBuilder::layer(const Layer& layer,
                                                     const std::vector<Pictures>& inputs,
                                                     const Value& z) {
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
    case Layer::Kind::kWarp:
      return {warp(layer, inputs.front(), z), side};
  }
  TORCH_CHECK(false, "unknown kind of layer ", layer.name);
}

Value FrameGraphBuilder::run(const Value& z) {
  std::vector<Pictures> done;
  for (const auto& next : generator_.plan) {
    std::vector<Pictures> inputs;
    for (const size_t input : next.inputs) inputs.push_back(done.at(input));
    if (inputs.empty()) inputs.push_back({z, 1});
    auto result = layer(next, inputs, z);
    result.value = activated(result.value, next.activation);
    done.push_back(result);
  }
  return done.back().value;
}

}  // namespace

Value write_frames(const Playable& generator, const Value& z, const Extent& clips,
                   GraphWriter& writer) {
  return FrameGraphBuilder(generator, clips, writer).run(z);
}

}  // namespace vidgen::infer
