#pragma once

#include <ATen/CPUGeneratorImpl.h>

#include <filesystem>
#include <string>

#include "vidgen/checkpoint/checkpoint.h"
#include "vidgen/checkpoint/state.h"
#include "vidgen/core/fields.h"
#include "vidgen/models/video_generator.h"
#include "vidgen/nn/init.h"

namespace vidgen::test {

inline bool name_ends_with(const std::string& name, const std::string& end) {
  return name.size() >= end.size() && name.compare(name.size() - end.size(), end.size(), end) == 0;
}

/// A weights file as training writes it, of a network that was never trained, but in which every
/// part counts: batch normalisation has statistics, attention a gamma, and pictures have contrast.
inline checkpoint::Checkpoint write_random_weights(const std::filesystem::path& path,
                                                   models::ModelOptions options,
                                                   const models::ClipShape& clip) {
  options.discriminators.resize(1);  // one that takes clips of any length
  checkpoint::Checkpoint file;
  file.path = path;
  file.kind = checkpoint::Kind::kWeights;
  file.clip = clip;
  file.config = {{"model", core::write_fields(options)}};
  auto network = models::make_generator(options, clip);
  auto random = at::detail::createCPUGenerator(3);
  nn::initialize(*network, nn::Init::kHe, random);
  const torch::NoGradGuard no_grad;
  for (auto& item : network->named_parameters()) {
    if (name_ends_with(item.key(), "gamma")) item.value().fill_(0.7);
  }
  for (auto& item : network->named_buffers()) {
    if (name_ends_with(item.key(), "running_mean")) item.value().normal_(0, 0.2, random);
    if (name_ends_with(item.key(), "running_var")) item.value().uniform_(0.5, 1.5, random);
  }
  checkpoint::StateSaver saver;
  saver.module("generator", *network);
  file.file.tensors = saver.tensors;
  checkpoint::write_checkpoint(file);
  return file;
}

}  // namespace vidgen::test
