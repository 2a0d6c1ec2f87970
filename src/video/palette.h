#pragma once

#include <cstdint>
#include <vector>

#include "vidgen/video/frame.h"

namespace vidgen::video {

/// At most 256 colours that stand for all of a clip's, and which of them is nearest to any colour.
class Palette {
 public:
  explicit Palette(const Clip& clip);

  /// 0xRRGGBB.
  const std::vector<uint32_t>& colors() const { return colors_; }
  uint8_t nearest(const uint8_t* rgb);

 private:
  std::vector<uint32_t> colors_;
  /// For each of the 2^24 colours the index of the nearest, -1 where nobody asked yet.
  std::vector<int16_t> nearest_;
};

}  // namespace vidgen::video
