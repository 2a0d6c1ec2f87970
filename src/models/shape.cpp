#include "vidgen/models/shape.h"

namespace vidgen::models {

void fields(core::FieldVisitor& visitor, ClipShape& shape) {
  visitor.field("channels", shape.channels, {1, 3}, "3 is colour, 1 is grey");
  visitor.field("frames", shape.frames, {1, 4096}, "frames in a training clip");
  visitor.field("size", shape.size, {16, 1024}, "height and width in pixels, a power of two");
  visitor.field("fps", shape.fps, {0, 1000}, "frames a second; 0 is unknown");
}

int64_t doublings_between(int64_t from, int64_t to) {
  int64_t count = 0;
  for (; from < to; from *= 2) ++count;
  for (; from > to; from /= 2) --count;
  return count;
}

}  // namespace vidgen::models
