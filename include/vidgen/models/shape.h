#pragma once

#include <cstdint>

#include "vidgen/core/fields.h"

namespace vidgen::models {

/// The clips a model is made for. Clip tensors are [B,channels,frames,size,size].
struct ClipShape {
  /// 3 is colour, 1 is grey.
  int64_t channels = 3;
  /// Frames in a training clip.
  int64_t frames = 16;
  /// Height and width in pixels: a power of two, at least 16.
  int64_t size = 64;
  /// Frames a second; 0 is unknown.
  double fps = 0;
};

void fields(core::FieldVisitor& visitor, ClipShape& shape);

/// How often `from` doubles to become `to`; negative where it halves. Both are powers of two.
int64_t doublings_between(int64_t from, int64_t to);

}  // namespace vidgen::models
