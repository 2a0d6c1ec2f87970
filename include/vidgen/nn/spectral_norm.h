#pragma once

#include <torch/nn/module.h>
#include <torch/types.h>

namespace vidgen::nn {

/// One step of the power method for the largest singular value of a matrix [m,n]: u = |matrix v|,
/// v = |matrix^T u|, where |x| is x at length 1. u [m] and v [n] are changed in place.
void power_iteration(const torch::Tensor& matrix, torch::Tensor& u, torch::Tensor& v);

/// Spectral normalisation (Miyato et al., "Spectral normalization for generative adversarial
/// networks", 2018) of every convolution in `module`: registers the buffers weight_u and weight_v
/// in each, constant until nn::initialize() or a checkpoint sets them.
void add_spectral_norm(torch::nn::Module& module);

/// Lets each of those layers compute with weight / sigma, where sigma = u^T weight v, until the
/// next call. The layer's parameter stays as it is and gets the gradient, which goes through sigma.
/// In training mode u and v take one step first. Call it before each forward pass.
void apply_spectral_norm(torch::nn::Module& module);

}  // namespace vidgen::nn
