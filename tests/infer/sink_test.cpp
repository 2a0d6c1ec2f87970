#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "infer/networks.h"
#include "support/error.h"
#include "support/temporary_folder.h"
#include "vidgen/checkpoint/safetensors.h"
#include "vidgen/infer/generator.h"

namespace vidgen::infer {
namespace {

const auto kModel = tiny_model();

CompiledGenerator tiny_generator() { return {lively_network(kModel), kTinyShape}; }

RenderOptions three_clips(uint64_t seed) {
  RenderOptions options;
  options.count = 3;
  options.frames = 7;
  options.seed = seed;
  options.batch = 1;
  return options;
}

TEST(SinkTest, RenderWritesItsFramesInTheirOrder) {
  const auto generator = tiny_generator();
  const auto size = kTinyShape.size;
  std::vector<torch::Tensor> frames;
  video::CallbackSink sink([&](const uint8_t* rgb) {
    frames.push_back(torch::empty({size, size, 3}, torch::kU8));
    std::memcpy(frames.back().data_ptr(), rgb, frames.back().nbytes());
  });
  std::vector<torch::Tensor> expected;
  for (const uint64_t seed : {5, 6}) {
    generator.render(three_clips(seed), sink);
    expected.push_back(generator.render(three_clips(seed)).flatten(0, 1));
  }
  EXPECT_TRUE(torch::stack(frames).equal(torch::cat(expected)));
}

TEST(SinkTest, WhatASinkThrowsEndsTheRendering) {
  int frames = 0;
  video::CallbackSink sink([&frames](const uint8_t*) {
    if (++frames == 4) throw Error("enough");
  });
  const auto generator = tiny_generator();
  EXPECT_EQ(test::error_of([&] { generator.render(three_clips(5), sink); }), "enough");
  EXPECT_EQ(frames, 4);
}

TEST(SinkTest, TensorHasTheExactPixels) {
  const test::TemporaryFolder folder;
  const auto generator = tiny_generator();
  const auto size = kTinyShape.size;
  const auto sink = checkpoint::open_tensor(folder / "a.safetensors", {3, 7, size, size});
  generator.render(three_clips(5), *sink);
  EXPECT_FALSE(std::filesystem::exists(folder / "a.safetensors"));
  sink->finish();
  const auto file = checkpoint::read_safetensors(folder / "a.safetensors");
  EXPECT_TRUE(file.tensors.at("clips").equal(generator.render(three_clips(5))));
}

}  // namespace
}  // namespace vidgen::infer
