#pragma once

#include <torch/types.h>

#include <string>
#include <vector>

#include "vidgen/core/fields.h"

namespace vidgen::nn {

struct TemporalOptions {
  /// One of motion_types().
  std::string type = "gru_cell";
  /// Length of the latent part that a clip keeps from its first frame to its last.
  int64_t content_dim = 50;
  /// Length of the latent part that changes from frame to frame, and of the noise that it is made
  /// from.
  int64_t motion_dim = 10;
  /// State size of lstm and gru, channels between the layers of convolution and waves; the state of
  /// gru_cell is the motion itself.
  int64_t hidden = 64;
  /// Layers of lstm, gru and convolution, stacked; gru_cell has one.
  int64_t layers = 1;
  /// Frames that each layer of convolution looks at; odd. More give a smoother path.
  int64_t kernel = 11;
};

void fields(core::FieldVisitor& visitor, TemporalOptions& options);

/// Throws core::FieldError, naming keys under `path`, when the fields do not fit together.
void validate(const TemporalOptions& options, const std::string& path);

/// Frames of noise that a path of `frames` frames is made from: as many, and for some types those
/// more that it looks at.
int64_t noise_frames(const TemporalOptions& options, int64_t frames);

}  // namespace vidgen::nn
