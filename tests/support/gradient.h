#pragma once

#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/types.h>

#include <algorithm>
#include <cmath>

#include "support/random.h"

namespace vidgen::test {

/// Compares the gradient of the scalar that `value()` computes with central differences in three
/// random directions of `variable`, a float64 leaf that needs gradients.
template <class Value>
void expect_gradient(const Value& value, const torch::Tensor& variable) {
  const torch::Tensor scalar = value();
  const auto gradient = torch::autograd::grad({scalar}, {variable})[0];
  const auto before = variable.detach().clone();
  const auto move_to = [&variable](const torch::Tensor& place) {
    const torch::NoGradGuard no_grad;
    variable.copy_(place);
  };
  const double step = 1e-7;
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    const auto direction = torch::randn(variable.sizes(), random(seed), torch::kDouble);
    move_to(before + direction * step);
    const torch::Tensor above = value();
    move_to(before - direction * step);
    const torch::Tensor below = value();
    move_to(before);
    const double slope = (above - below).item<double>() / (2 * step);
    EXPECT_NEAR((gradient * direction).sum().item<double>(), slope,
                1e-5 * std::max(1.0, std::abs(slope)))
        << "direction " << seed;
  }
}

}  // namespace vidgen::test
