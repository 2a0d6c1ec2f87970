#pragma once

#include <cstdint>

#include "vidgen/core/fields.h"

namespace vidgen::models {

/// The clips a model is made for, [B,channels,frames,size,size]; fields() describes each.
struct ClipShape {
  int64_t channels = 3;
  int64_t frames = 16;
  int64_t size = 64;
  double fps = 0;
};

void fields(core::FieldVisitor& visitor, ClipShape& shape);

/// How often `from` doubles to become `to`; negative where it halves. Both are powers of two.
int64_t doublings_between(int64_t from, int64_t to);

}  // namespace vidgen::models
