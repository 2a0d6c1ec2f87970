#include "vidgen/graph/graph.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "vidgen/graph/rewrite.h"

namespace vidgen::graph {
namespace {

using ::testing::HasSubstr;

template <class Action>
std::string problem_of(Action action) {
  try {
    action();
  } catch (const c10::Error& error) {
    return error.what_without_backtrace();
  }
  return "";
}

std::string names_of(const Graph& graph, Value value) {
  std::string names;
  for (const auto& extent : graph.shape(value))
    names += (names.empty() ? "" : " ") + name_of(extent);
  return names;
}

TEST(GraphShapes, FollowFromTheInputs) {
  Graph graph;
  const auto noise = graph.input("noise", torch::kFloat, {each_clip(), each_frame(4), 6});
  EXPECT_EQ(names_of(graph, noise), "clips frames+4 6");
  const auto turned = graph.transpose(noise, {0, 2, 1});
  const auto path =
      graph.convolve(turned, graph.weight("w", torch::zeros({8, 6, 5})), {}, {/*axes=*/1});
  EXPECT_EQ(names_of(graph, path), "clips 8 frames");
  const auto rows = graph.reshape(graph.transpose(path, {0, 2, 1}), {-1, 8, 1, 1});
  EXPECT_EQ(names_of(graph, rows), "clips*frames 8 1 1");
  const auto pictures = graph.convolve(rows, graph.weight("up", torch::zeros({8, 3, 4, 4})), {},
                                       {/*axes=*/2, /*transposed=*/true, /*stride=*/2});
  EXPECT_EQ(names_of(graph, pictures), "clips*frames 3 4 4");
  EXPECT_EQ(names_of(graph, graph.repeat_pixels(pictures)), "clips*frames 3 8 8");
  EXPECT_EQ(names_of(graph, graph.reshape(pictures, {each_clip(), -1, 3})), "clips 16*frames 3");
  const auto halves = graph.split(turned, {2, 4});
  EXPECT_EQ(names_of(graph, halves[1]), "clips 4 frames+4");
  EXPECT_EQ(names_of(graph, graph.concatenate({halves[1], halves[1]}, 1)), "clips 8 frames+4");
  const auto product = graph.matrix_product(noise, graph.weight("m", torch::zeros({6, 2})));
  EXPECT_EQ(names_of(graph, product), "clips frames+4 2");
  EXPECT_EQ(names_of(graph, graph.add(product, graph.weight("b", torch::zeros({2})))),
            "clips frames+4 2");
}

TEST(GraphShapes, WhatDoesNotFitIsRefused) {
  Graph graph;
  const auto x = graph.input("x", torch::kFloat, {each_clip(), each_frame(), 6});
  const auto weight = graph.weight("w", torch::zeros({5, 6}));
  EXPECT_THAT(problem_of([&] { graph.matrix_product(x, weight); }),
              HasSubstr("no matrix product of [clips, frames, 6] and [5, 6]"));
  EXPECT_THAT(problem_of([&] { graph.add(x, graph.weight("b", torch::zeros({5}))); }),
              HasSubstr("[clips, frames, 6] and [5] do not fit"));
  EXPECT_THAT(problem_of([&] {
                graph.reshape(x, {each_clip(), 6});
              }),
              HasSubstr("cannot make [clips, 6] of [clips, frames, 6]"));
  EXPECT_THAT(problem_of([&] { graph.reshape(x, {-1, 4}); }), HasSubstr("cannot make"));
}

TEST(GraphLengths, AreThoseOfValuesBeforeOrWhateverIsLeft) {
  Graph graph;
  const auto x = graph.input("x", torch::kFloat, {each_clip(), each_frame(), 6});
  const auto rows = graph.reshape(x, {-1, 6});
  EXPECT_EQ(lengths_of(graph, rows)[0].number, -1);
  const auto back = graph.reshape(rows, {each_clip(), each_frame(), 2, 3});
  const auto lengths = lengths_of(graph, back);
  EXPECT_EQ(lengths[0].number, -1);
  EXPECT_EQ(lengths[1].like.index, x.index);
  EXPECT_EQ(lengths[1].number, 1);
  EXPECT_EQ(lengths[2].number, 2);
}

TEST(GraphRun, TakesAnyNumberOfClipsAndFrames) {
  Graph graph;
  const auto x = graph.input("x", torch::kFloat, {each_clip(), each_frame(), 2});
  const auto doubled = graph.multiply(x, graph.number(2));
  graph.output("rows", graph.reshape(doubled, {-1, 2}));
  for (const int64_t clips : {1, 3}) {
    const auto given = torch::randn({clips, 5, 2}, torch::kDouble);
    const auto rows = run(graph, {{"x", given}}).at("rows");
    EXPECT_TRUE(torch::equal(rows, 2 * given.flatten(0, 1)));
  }
  EXPECT_THAT(problem_of([&] { run(graph, {}); }), HasSubstr("the input x is missing"));
  EXPECT_THAT(problem_of([&] {
                run(graph, {{"x", torch::zeros({1, 5, 3})}});
              }),
              HasSubstr("x: found [1, 5, 3], expected [1, 5, 2]"));
}

TEST(GraphConstants, IntegersStandForScaledNumbers) {
  Graph graph;
  const auto integers = torch::tensor({{1, -2}, {3, 4}}, torch::kChar);
  const auto value = graph.scaled_weight("w", integers, torch::tensor({0.5f, 2.0f}), /*axis=*/1);
  graph.output("w", value);
  EXPECT_TRUE(torch::equal(run(graph, {}).at("w"), torch::tensor({{0.5f, -4.0f}, {1.5f, 8.0f}})));
}

}  // namespace
}  // namespace vidgen::graph
