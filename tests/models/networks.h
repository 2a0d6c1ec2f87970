#pragma once

#include <torch/nn/module.h>

#include <memory>
#include <string>
#include <vector>

#include "vidgen/models/discriminator.h"

namespace vidgen::models {

/// The network of a discriminator, and its layers.
struct TestedNetwork {
  TestedNetwork(const DiscriminatorOptions& options, const ClipShape& shape)
      : net(discriminator_network(options).make(options, shape, /*classes=*/0)),
        layers(std::dynamic_pointer_cast<torch::nn::Module>(net)) {}
  torch::Tensor operator()(const torch::Tensor& pictures, int64_t frames = 1) {
    return net->logits(pictures, frames, {});
  }

  std::shared_ptr<DiscriminatorNet> net;
  std::shared_ptr<torch::nn::Module> layers;
};

inline DiscriminatorOptions network_options(const std::string& network, const std::string& type,
                                            const std::vector<int64_t>& widths) {
  DiscriminatorOptions options;
  options.network = network;
  options.type = type;
  options.widths = widths;
  return options;
}

}  // namespace vidgen::models
