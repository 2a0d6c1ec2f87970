#include "vidgen/nn/warp.h"

namespace vidgen::nn {
namespace {

/// Where the middle of each pixel lies, in [-1,1], as [1,side*side,3]: x, y and 1.
torch::Tensor pixel_places(int64_t side) {
  const auto along = (2 * torch::arange(side, torch::kDouble) + 1) / side - 1;
  const auto yx = torch::meshgrid({along, along}, "ij");
  return torch::stack({yx[1], yx[0], torch::ones({side, side}, torch::kDouble)}, 2)
      .view({1, side * side, 3});
}

}  // namespace

graph::Shape WarpImpl::shape(const std::vector<graph::Shape>& inputs) const {
  const auto &x = inputs.at(0), &code = inputs.at(1);
  return {code.at(0), x.at(1), x.at(2), x.at(3)};
}

graph::Value WarpImpl::describe(graph::Graph& graph, const std::vector<graph::Value>& inputs,
                                const std::string& name) const {
  const torch::NoGradGuard no_grad;
  const auto x = inputs.at(0), code = inputs.at(1);
  const auto parameters = named_parameters();
  const auto linear = [&](graph::Value from, const char* part, const torch::Tensor& weight,
                          const torch::Tensor& bias) {
    return graph.linear(from, name + ".motion." + part, weight, bias);
  };
  const auto hidden =
      graph.apply(graph::Function::kLeakyRelu,
                  {linear(graph.reshape(code, {-1, options.code_dim}), "0",
                          parameters["motion.0.weight"], parameters["motion.0.bias"])});
  // Groups that stay have maps without a motion, and fades of 1: the numbers of the first rows are
  // zeros.
  const auto of_all = [&](const torch::Tensor& moving, int64_t numbers) {
    auto all = torch::zeros({numbers * options.groups, moving.size(1)}, moving.options());
    all.narrow(0, numbers * options.still, moving.size(0)).copy_(moving);
    return all;
  };
  const auto last = [&](const char* part, const torch::Tensor& all) {
    return linear(hidden, part, all.narrow(1, 0, options.hidden), all.select(1, options.hidden));
  };
  const int64_t map_rows = 6 * options.moving();
  const auto rows =
      torch::cat({parameters["motion.2.weight"], parameters["motion.2.bias"].unsqueeze(1)}, 1);
  const auto map = of_all(rows.narrow(0, 0, map_rows) * scale().to(rows.options()).unsqueeze(1), 6);
  map.select(1, options.hidden) += torch::eye(2, 3).flatten().repeat(options.groups);

  const int64_t side = graph.shape(x)[2].number, channels = options.channels;
  const auto maps = graph.transpose(graph.reshape(last("2", map), {-1, 2, 3}), {0, 2, 1});
  const auto places = graph.weight(name + ".places", pixel_places(side));
  const auto grid = graph.reshape(graph.matrix_product(places, maps), {-1, side, side, 2});
  auto moved = graph.sample(graph.reshape(x, {-1, channels / options.groups, side, side}), grid);
  if (options.fade) {
    const auto fade = of_all(rows.narrow(0, map_rows, options.moving()), 1);
    const auto more = graph.apply(graph::Function::kTanh, {last("fade", fade)});
    const auto factor = graph.reshape(graph.add(more, graph.number(1)), {-1, 1, 1, 1});
    moved = graph.multiply(moved, factor);
  }
  if (options.slots == 1) return graph.reshape(moved, {-1, channels, side, side});
  const auto shown =
      graph.split(graph.reshape(moved, {-1, options.slots * channels, side, side}),
                  std::vector<int64_t>(static_cast<size_t>(options.slots), channels));
  auto sum = shown.front();
  for (size_t i = 1; i < shown.size(); ++i) sum = graph.add(sum, shown[i]);
  return sum;
}

}  // namespace vidgen::nn
