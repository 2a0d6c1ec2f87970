#pragma once

#include <torch/nn/module.h>
#include <torch/types.h>

#include <functional>
#include <memory>
#include <vector>

namespace vidgen::nn {

/// work(x), of which nothing but x is kept for the backward pass, where it is computed again
/// (Chen et al., "Training Deep Nets with Sublinear Memory Cost", 2016). `layers` are those that
/// `work` uses: their parameters get gradients, their buffers (running statistics) are put back
/// after the second time. Without gradients to record, this is work(x). The gradients can be taken
/// once only.
torch::Tensor recompute(const std::function<torch::Tensor(const torch::Tensor&)>& work,
                        const std::vector<std::shared_ptr<torch::nn::Module>>& layers,
                        const torch::Tensor& x);

}  // namespace vidgen::nn
