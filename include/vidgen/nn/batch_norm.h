#pragma once

#include <torch/nn/module.h>

#include <functional>

namespace vidgen::nn {

/// Sets the running means and variances of every batch normalisation in `module` to the averages
/// over what `forward` runs through it: for weights that have not been trained themselves, such as
/// averages of others, whose activations follow other statistics than those of the weights that
/// were averaged. Neither records gradients nor changes anything else of the module. Does nothing
/// for a module without batch normalisation.
void recompute_batch_norm(torch::nn::Module& module, const std::function<void()>& forward);

}  // namespace vidgen::nn
