#pragma once

#include <torch/nn/module.h>
#include <torch/types.h>

#include <utility>
#include <vector>

namespace vidgen::nn {

/// One step of the power method for the largest singular value of a matrix [m,n]: u = |matrix v|,
/// v = |matrix^T u|, where |x| is x at length 1. u [m] and v [n] are changed in place.
void power_iteration(const torch::Tensor& matrix, torch::Tensor& u, torch::Tensor& v);

/// Spectral normalisation (Miyato et al., "Spectral normalization for generative adversarial
/// networks", 2018) of every convolution inside `module`: registers the buffers weight_u and
/// weight_v in each, constant until nn::initialize() or a checkpoint sets them. The layers cannot
/// be cloned from then on.
void add_spectral_norm(torch::nn::Module& module);

/// For as long as this lives, those of the layers inside `module` that add_spectral_norm() has seen
/// compute with weight / sigma, where sigma = u^T weight v, in the weight's own type even under
/// autocast. Their parameters stay as they are and get the gradients, which go through sigma. In
/// training mode u and v take one step first: make one for each forward pass. Does not go with
/// Backend::recompute, which runs layers again after the pass.
class SpectralWeights {
 public:
  explicit SpectralWeights(torch::nn::Module& module);
  ~SpectralWeights();
  SpectralWeights(const SpectralWeights&) = delete;
  SpectralWeights& operator=(const SpectralWeights&) = delete;

 private:
  /// Where a layer has its weight, and its parameter.
  std::vector<std::pair<torch::Tensor*, torch::Tensor>> replaced_;
};

}  // namespace vidgen::nn
