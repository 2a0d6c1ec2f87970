#pragma once

#include <torch/nn/module.h>

#include <memory>

#include "vidgen/nn/motion.h"

namespace vidgen::nn {

/// A type of motion, and its layers.
struct TestedMotion {
  explicit TestedMotion(const TemporalOptions& options)
      : motion(motion_type(options).make(options)),
        layers(std::dynamic_pointer_cast<torch::nn::Module>(motion)) {}
  /// A path from its first frame on.
  torch::Tensor path(const MotionNoise& noise, int64_t frames) {
    MotionState state;
    return motion->next(noise, frames, state);
  }

  std::shared_ptr<Motion> motion;
  std::shared_ptr<torch::nn::Module> layers;
};

inline TemporalOptions motion_options(const std::string& type, int64_t dim, int64_t hidden = 64,
                                      int64_t layers = 1, int64_t kernel = 11) {
  TemporalOptions options;
  options.type = type;
  options.motion_dim = dim;
  options.hidden = hidden;
  options.layers = layers;
  options.kernel = kernel;
  return options;
}

}  // namespace vidgen::nn
