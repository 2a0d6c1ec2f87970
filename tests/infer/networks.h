#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "support/random.h"
#include "vidgen/checkpoint/checkpoint.h"
#include "vidgen/checkpoint/state.h"
#include "vidgen/core/fields.h"
#include "vidgen/models/video_generator.h"
#include "vidgen/nn/init.h"

/// Generators of clips of 16x16 pixels that nobody trained, and their files.
namespace vidgen::infer {

inline const models::ClipShape kTinyShape{3, 5, 16, 0};

inline models::ModelOptions tiny_model(std::vector<int64_t> widths = {8, 12},
                                       std::string type = "lstm") {
  models::ModelOptions options;
  options.generator.widths = std::move(widths);
  options.temporal.type = type;
  options.discriminators.resize(1);
  return options;
}

inline bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

/// As after training: batch normalisation has statistics, attention counts, and the pictures are
/// not grey.
inline models::VideoGenerator lively_network(const models::ModelOptions& options,
                                             const models::ClipShape& shape = kTinyShape) {
  auto random = test::random(3);
  auto network = models::make_generator(options, shape);
  nn::initialize(*network, nn::Init::kDefault, random);
  const torch::NoGradGuard no_grad;
  for (auto& item : network->named_parameters()) {
    auto& value = item.value();
    if (value.dim() == 1) value.add_(torch::empty(value.sizes()).uniform_(-0.3, 0.3, random));
    if (ends_with(item.key(), "gamma")) value.fill_(0.7);
  }
  for (auto& item : network->named_buffers()) {
    if (ends_with(item.key(), "running_mean")) item.value().normal_(0, 0.1, random);
    if (ends_with(item.key(), "running_var")) item.value().uniform_(0.05, 0.15, random);
  }
  network->eval();
  return network;
}

struct Trained {
  models::VideoGenerator network{nullptr};
  checkpoint::Checkpoint file;
};

/// A weights file as training writes it.
inline Trained write_weights(const std::filesystem::path& path, const models::ModelOptions& options,
                             const models::ClipShape& shape = kTinyShape) {
  Trained result;
  result.file.path = path;
  result.file.kind = checkpoint::Kind::kWeights;
  result.file.clip = shape;
  result.file.config = {{"model", core::write_fields(options)}};
  result.network = lively_network(options, shape);
  checkpoint::StateSaver saver;
  saver.module("generator", *result.network);
  result.file.file.tensors = saver.tensors;
  checkpoint::write_checkpoint(result.file);
  return result;
}

/// The largest difference of two tensors, whatever their types.
inline double difference(const torch::Tensor& a, const torch::Tensor& b) {
  EXPECT_EQ(a.sizes(), b.sizes());
  return (a.to(torch::kCPU, torch::kDouble) - b.to(torch::kCPU, torch::kDouble))
      .abs()
      .max()
      .item<double>();
}

struct NetworkCase {
  std::string name;
  models::ModelOptions options;
};

/// A network of every kind of layer.
inline std::vector<NetworkCase> network_cases() {
  std::vector<NetworkCase> all{{"dcgan", tiny_model()}, {"full_size", tiny_model({8, 12, 6})}};
  all.push_back({"residual", tiny_model({12, 8, 6})});
  all.back().options.generator.type = "residual";
  all.push_back({"attention", tiny_model()});
  all.back().options.generator.attention = {8};
  all.push_back({"attention_along_clips", all[2].options});
  all.back().options.generator.attention = {4, 8};
  all.back().options.generator.attention_axes = nn::AttentionAxes::kSpaceTime;
  all.push_back({"classes", tiny_model()});
  all.back().options.class_names = {"cats", "dogs"};
  all.push_back({"warp", tiny_model({8, 12})});
  all.back().options.generator.warp_resolution = 8;
  all.back().options.generator.warp_groups = 3;
  all.back().options.generator.warp_still = 1;
  all.back().options.generator.warp_fade = true;
  all.push_back({"residual_warp", all[3].options});
  all.back().options.generator.type = "residual";
  all.back().options.generator.widths = {12, 8, 6};
  all.back().options.generator.warp_resolution = 16;
  all.push_back({"slots", all[3].options});
  all.back().options.generator.warp_resolution = 8;
  all.back().options.generator.warp_groups = 3;
  all.back().options.generator.slots = 2;
  all.back().options.temporal.type = "gru_cell";
  all.back().options.class_names = {"cats", "dogs"};
  // Of sizes for which the Winograd algorithm is used.
  all.push_back({"wide", tiny_model({256, 64})});
  return all;
}

/// Latents of so many clips of ten frames, of the classes in turn.
inline models::Latents some_latents(const models::VideoGenerator& network, int64_t clips) {
  auto latents = models::sample_latents(network->options.temporal, clips, /*frames=*/10, 1);
  latents.condition = models::ConditionSampler(network->options.condition).in_turn(clips);
  return latents;
}

}  // namespace vidgen::infer
