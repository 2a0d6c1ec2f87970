#pragma once

#include <torch/nn/module.h>
#include <torch/types.h>

#include <functional>
#include <string>

namespace vidgen::nn {

/// Is shown each layer's name, the layer, and what the layer put out.
using LayerObserver = std::function<void(const std::string& name, const torch::nn::Module& layer,
                                         const torch::Tensor& output)>;

/// Shows the layers of a submodule to the observer of the module around it; none for none. The
/// observer must outlive the result.
inline LayerObserver inside(const std::string& submodule, const LayerObserver& observer) {
  if (!observer) return {};
  return [&observer, prefix = submodule + "."](const std::string& name, const auto& layer,
                                               const auto& output) {
    observer(prefix + name, layer, output);
  };
}

}  // namespace vidgen::nn
