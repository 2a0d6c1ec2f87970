#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <vector>

namespace vidgen::video {

/// At most 256 colours that stand for all of a clip's, and which of them is nearest to any colour.
class Palette {
 public:
  static constexpr size_t kColors = 256;
  /// 0xRRGGBB of a pixel.
  static uint32_t pack(const uint8_t* rgb) { return rgb[0] << 16 | rgb[1] << 8 | rgb[2]; }

  /// Of a clip's colours, all of them where there are few enough.
  explicit Palette(const std::set<uint32_t>& colors);
  /// The centres of a k-means clustering of pixels [N,3].
  explicit Palette(const std::vector<uint8_t>& pixels);

  /// 0xRRGGBB.
  const std::vector<uint32_t>& colors() const { return colors_; }
  uint8_t nearest(const uint8_t* rgb);

 private:
  std::vector<uint32_t> colors_;
  /// For each of the 2^24 colours the index of the nearest, -1 where nobody asked yet.
  std::vector<int16_t> nearest_;
};

}  // namespace vidgen::video
