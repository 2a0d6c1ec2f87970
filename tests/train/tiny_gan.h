#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <map>
#include <string>

#include "vidgen/checkpoint/checkpoint.h"
#include "vidgen/train/gan_step.h"

namespace vidgen::train {

/// Networks of a few hundred weights on clips of 10 frames of 16x16 pixels.
inline RunOptions tiny_options() {
  RunOptions options;
  options.data.size = 16;
  options.data.frames = 10;
  options.model.generator.widths = {8, 8};
  options.model.temporal.type = "lstm";
  options.model.temporal.content_dim = 6;
  options.model.temporal.motion_dim = 4;
  options.model.temporal.hidden = 8;
  options.model.discriminators.resize(2);
  options.model.discriminators[0].type = "frame";
  options.model.discriminators[0].frames = 2;
  options.model.discriminators[0].widths = {8, 8};
  options.model.discriminators[1].type = "clip";
  options.model.discriminators[1].widths = {8, 8};
  options.train.batch_size = 4;
  options.train.precision = Precision::kFloat32;
  options.train.seed = 5;
  return options;
}

/// Gives them residual discriminators that see four of the frames, and those of clips with times.
inline void use_residual_discriminators(RunOptions& options) {
  for (auto& discriminator : options.model.discriminators) {
    discriminator.network = "residual";
    discriminator.norm = models::DiscriminatorNorm::kSpectral;
    discriminator.minibatch_stddev = true;
  }
  options.model.discriminators[1].frame_stack = 2;
  options.model.discriminators[1].timestamps = true;
  options.train.frames = 4;
}

inline torch::Tensor real_clips(const RunOptions& options, int64_t index) {
  auto random = random_stream(99, "clips", index);
  return torch::randint(0, 256, {options.train.batch_size, options.data.frames, 16, 16, 3}, random,
                        torch::kU8);
}

/// Those clips, and classes in turn where the options have classes.
inline data::Batch real_batch(const RunOptions& options, int64_t index) {
  return {
      real_clips(options, index),
      {},
      models::ConditionSampler(options.model.condition()).in_turn(options.train.batch_size, index)};
}

inline std::map<std::string, torch::Tensor> state_of(GanStep& gan) {
  checkpoint::StateSaver saver;
  gan.visit(saver);
  std::map<std::string, torch::Tensor> copy;
  for (auto& [name, tensor] : saver.tensors) copy[name] = tensor.cpu().clone();
  return copy;
}

inline void train(GanStep& gan, const RunOptions& options, int64_t from, int64_t to) {
  int64_t batch = from * options.train.accumulate;
  for (int64_t step = from; step < to; ++step) {
    gan.run(step, [&] { return real_batch(options, batch++); });
  }
}

/// Writes the generator of an untrained run, whose clips are full of contrast, as a weights file.
inline void write_generator(const std::filesystem::path& path, RunOptions options) {
  options.model.init = nn::Init::kHe;
  GanStep gan(options, torch::kCPU);
  gan.calibrate();
  checkpoint::StateSaver saver;
  saver.module("generator", *gan.ema_generator());
  checkpoint::Checkpoint file;
  file.path = path;
  file.kind = checkpoint::Kind::kWeights;
  file.config = core::write_fields(options);
  file.clip = clip_shape(options.data);
  file.file.tensors = saver.tensors;
  checkpoint::write_checkpoint(file);
}

/// A metric of the last step.
inline torch::Tensor metric(const GanStep& gan, const std::string& name) {
  const auto& names = gan.metric_names();
  const auto found = std::find(names.begin(), names.end(), name);
  EXPECT_NE(found, names.end()) << name;
  return gan.metrics()[found - names.begin()];
}

inline void expect_equal(const std::map<std::string, torch::Tensor>& a,
                         const std::map<std::string, torch::Tensor>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (const auto& [name, tensor] : a) EXPECT_TRUE(tensor.equal(b.at(name))) << name;
}

/// A run of four finite steps is that of two, saved, loaded into new networks, and two more.
/// `start` changes what both begin with.
inline void expect_bitwise_resume(
    const RunOptions& options, const std::function<void(GanStep&)>& start = [](GanStep&) {}) {
  GanStep straight(options, torch::kCPU), first(options, torch::kCPU);
  start(straight);
  train(straight, options, 0, 4);
  EXPECT_TRUE(straight.metrics().isfinite().all().item<bool>());

  start(first);
  train(first, options, 0, 2);
  checkpoint::StateSaver saver;
  first.visit(saver);
  const checkpoint::SafetensorsFile file{saver.metadata, saver.tensors};
  GanStep second(options, torch::kCPU);
  checkpoint::StateLoader loader("memory", file);
  second.visit(loader);
  loader.finish();
  train(second, options, 2, 4);
  expect_equal(state_of(straight), state_of(second));
  EXPECT_TRUE(straight.metrics().equal(second.metrics()));
}

}  // namespace vidgen::train
