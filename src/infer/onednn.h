#pragma once

#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/stack.h>
#include <torch/types.h>

#include "vidgen/infer/plan.h"

namespace vidgen::infer {

/// A convolution on the CPU by oneDNN, whose weights stay as they are: they are brought into its
/// order once, and bias and activation are part of its kernel. In the type of the weights.
class PackedConvolution {
 public:
  struct Form {
    bool transposed = false;
    int64_t stride = 1;
    int64_t padding = 0;
    /// Pixels a side of what comes in. Any size works; this one without bringing the weights into
    /// another order.
    int64_t side = 4;
  };

  /// weight [out,in,k,k], transposed [in,out,k,k]; bias [out].
  PackedConvolution(const torch::Tensor& weight, const torch::Tensor& bias, const Form& form,
                    Activation activation);

  /// [M,in,H,W] -> [M,out,H',W'], channels_last.
  torch::Tensor operator()(const torch::Tensor& x) const;

 private:
  c10::OperatorHandle operator_;
  /// Of the operator, but for the first, which is x.
  torch::jit::Stack arguments_;
};

}  // namespace vidgen::infer
