#pragma once

#include <gtest/gtest.h>
#include <torch/nn/module.h>

#include <string>

#include "support/fixture.h"

/// Between a module and the state_dict of a fixture that names its tensors alike.
namespace vidgen::test {

/// Sets every parameter and buffer from the fixture, shapes included.
inline void load_state(torch::nn::Module& module, const Fixture& fixture) {
  const torch::NoGradGuard no_grad;
  const auto load = [&fixture](const auto& items) {
    for (const auto& item : items) {
      const auto stored = fixture.tensor(item.key());
      ASSERT_EQ(item.value().sizes(), stored.sizes()) << item.key();
      item.value().copy_(stored);
    }
  };
  load(module.named_parameters());
  load(module.named_buffers());
}

/// Compares every buffer with the fixture's "after.<name>".
inline void expect_buffers_after(const torch::nn::Module& module, const Fixture& fixture) {
  const auto buffers = module.named_buffers();
  EXPECT_FALSE(buffers.is_empty());
  for (const auto& item : buffers) fixture.expect_close("after." + item.key(), item.value());
}

}  // namespace vidgen::test
