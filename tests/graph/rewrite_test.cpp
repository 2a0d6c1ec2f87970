#include "vidgen/graph/rewrite.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/random.h"

namespace vidgen::graph {
namespace {

/// Twice what it is given, plus a weight.
class Twice : public Block {
 public:
  Value describe(Graph& graph, const std::vector<Value>& inputs,
                 const std::string& name) const override {
    const auto weight = graph.weight(name + ".weight", torch::full({1}, 3));
    return graph.add(graph.multiply(inputs[0], graph.number(2)), weight);
  }
  Shape shape(const std::vector<Shape>& inputs) const override { return inputs[0]; }
};

int64_t count_of(const Graph& graph, const std::string& kind) {
  int64_t count = 0;
  for (const auto& op : graph.ops()) {
    if (kind == "norm") count += std::holds_alternative<BatchNorm>(op.kind);
    if (kind == "call") count += std::holds_alternative<Call>(op.kind);
  }
  return count;
}

TEST(Expanded, BlocksBecomeWhatTheyDescribe) {
  Graph graph;
  const auto x = graph.input("x", torch::kFloat, {each_clip(), 2});
  graph.output("y", graph.call(std::make_shared<Twice>(), "twice", {x}));
  const auto plain = expanded(graph);
  EXPECT_EQ(count_of(graph, "call"), 1);
  EXPECT_EQ(count_of(plain, "call"), 0);
  const auto given = torch::tensor({{1.0f, -2.0f}});
  for (const auto& one : {graph, plain})
    EXPECT_TRUE(torch::equal(run(one, {{"x", given}}).at("y"), 2 * given + 3));
}

/// A convolution, normalised, and a second one likewise whose sum is read without its norm as well.
Graph normalised(bool transposed, bool with_bias) {
  auto random = test::random(1);
  Graph graph;
  const auto layer = [&](Value x, const std::string& name) {
    const auto weight = graph.weight(name + ".weight", torch::randn({4, 4, 3, 3}, random));
    const auto bias = with_bias ? graph.weight(name + ".bias", torch::randn({4}, random)) : Value();
    return graph.convolve(x, weight, bias, {/*axes=*/2, transposed, 1, 1});
  };
  const auto norm = [&](Value x, const std::string& name) {
    return graph.batch_norm({x, graph.weight(name + ".weight", torch::randn({4}, random)),
                             graph.weight(name + ".bias", torch::randn({4}, random)),
                             graph.weight(name + ".running_mean", torch::randn({4}, random)),
                             graph.weight(name + ".running_var", torch::rand({4}, random) + 0.1)},
                            1e-3);
  };
  const auto x = graph.input("x", torch::kFloat, {each_clip(), 4, 6, 6});
  const auto first = norm(layer(x, "a"), "norm1");
  const auto second = layer(first, "b");
  graph.output("y", graph.add(second, norm(second, "norm2")));
  return graph;
}

TEST(FoldBatchNorm, ComputesTheSameWithoutTheNorm) {
  for (const bool transposed : {false, true}) {
    for (const bool with_bias : {false, true}) {
      const auto graph = normalised(transposed, with_bias);
      const auto folded = fold_batch_norm(graph);
      EXPECT_EQ(count_of(graph, "norm"), 2);
      EXPECT_EQ(count_of(folded, "norm"), 1) << "what something else reads stays";
      const auto x = torch::randn({2, 4, 6, 6}, test::random(2));
      EXPECT_TRUE(torch::allclose(run(folded, {{"x", x}}).at("y"), run(graph, {{"x", x}}).at("y"),
                                  1e-4, 1e-4));
    }
  }
}

TEST(FoldBatchNorm, KeepsTheNamesOfTheLayers) {
  const auto folded = fold_batch_norm(normalised(false, false));
  const auto& op = folded.ops().front();
  EXPECT_EQ(layer_of(folded, op), "a");
  EXPECT_EQ(folded.constant(op.inputs.at(2))->name, "a.bias");
}

TEST(WithConstants, TakesTheOthersInTheirPlace) {
  Graph graph;
  const auto x = graph.input("x", torch::kFloat, {each_clip(), 2});
  graph.output("y", graph.multiply(x, graph.weight("w", torch::ones({2}))));
  const auto other = with_constants(graph, {{"w", torch::tensor({2.0f, 5.0f})}, {"v", {}}});
  EXPECT_TRUE(torch::equal(run(other, {{"x", torch::ones({1, 2})}}).at("y"),
                           torch::tensor({{2.0f, 5.0f}})));
}

}  // namespace
}  // namespace vidgen::graph
