#pragma once

#include <torch/csrc/autograd/autograd.h>

namespace vidgen::nn {

/// Gradients of `inputs` that can be differentiated again, from that of `result`, which operations
/// of LibTorch made of them; undefined for inputs that need none. What was saved for the backward
/// pass must be the inputs themselves: copies have no history.
inline torch::autograd::variable_list composed_gradients(
    const torch::Tensor& result, const torch::autograd::variable_list& inputs,
    const torch::Tensor& gradient) {
  torch::autograd::variable_list wanted, gradients;
  for (const auto& input : inputs) {
    if (input.requires_grad()) wanted.push_back(input);
  }
  const auto found = torch::autograd::grad({result}, wanted, {gradient}, /*retain_graph=*/true,
                                           /*create_graph=*/true, /*allow_unused=*/true);
  auto next = found.begin();
  for (const auto& input : inputs)
    gradients.push_back(input.requires_grad() ? *next++ : torch::Tensor());
  return gradients;
}

}  // namespace vidgen::nn
