#pragma once

namespace vidgen::nn {

/// How this process computes, not what: results agree up to rounding. Set it before training.
struct Backend {
  /// fast_convolution() may be used.
  bool winograd = true;
  /// Stages keep only what comes in while gradients are recorded, and compute the rest again for
  /// the backward pass: less memory for a third more work. The gradients are the same to
  /// the last bit, but can be taken once only.
  bool recompute = false;
};

inline Backend& backend() {
  static Backend instance;
  return instance;
}

}  // namespace vidgen::nn
