#pragma once

#include <torch/types.h>

#include <string>
#include <vector>

#include "vidgen/core/fields.h"

namespace vidgen::nn {

/// "model.temporal"; fields() describes each.
struct TemporalOptions {
  /// One of motion_types().
  std::string type = "gru_cell";
  int64_t content_dim = 50;
  /// Also of the noise that motion is made from.
  int64_t motion_dim = 10;
  int64_t hidden = 64;
  int64_t layers = 1;
  int64_t kernel = 11;
};

void fields(core::FieldVisitor& visitor, TemporalOptions& options);

/// Throws core::FieldError, naming keys under `path`, when the fields do not fit together.
void validate(const TemporalOptions& options, const std::string& path);

/// Frames of noise that a path of `frames` frames is made from: as many, and for some types those
/// more that it looks at.
int64_t noise_frames(const TemporalOptions& options, int64_t frames);

}  // namespace vidgen::nn
