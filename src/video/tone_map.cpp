#include "tone_map.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace vidgen::video {
namespace {

constexpr double kWhiteNits = 203, kHlgPeakNits = 1000;
/// Above this share of white brightness is compressed.
constexpr double kKnee = 0.75;

using Light = std::array<double, 3>;

double pq_to_nits(double level) {
  constexpr double kM1 = 2610.0 / 16384, kM2 = 2523.0 / 4096 * 128;
  constexpr double kC1 = 3424.0 / 4096, kC2 = 2413.0 / 4096 * 32, kC3 = 2392.0 / 4096 * 32;
  const double power = std::pow(level, 1 / kM2);
  return 10000 * std::pow(std::max(power - kC1, 0.0) / (kC2 - kC3 * power), 1 / kM1);
}

double hlg_to_scene(double level) {
  constexpr double kA = 0.17883277, kB = 0.28466892, kC = 0.55991073;
  return level <= 0.5 ? level * level / 3 : (std::exp((level - kC) / kA) + kB) / 12;
}

Light to_nits(const uint16_t* deep, Transfer transfer) {
  Light light;
  for (size_t c = 0; c < 3; ++c) {
    const double level = deep[c] / 65535.0;
    light[c] = transfer == Transfer::kPq ? pq_to_nits(level) : hlg_to_scene(level);
  }
  if (transfer == Transfer::kPq) return light;
  const double scene = 0.2627 * light[0] + 0.6780 * light[1] + 0.0593 * light[2];
  const double gain = kHlgPeakNits * std::pow(scene, 0.2);
  for (double& value : light) value *= gain;
  return light;
}

Light to_bt709(const Light& light) {
  return {1.6605 * light[0] - 0.5876 * light[1] - 0.0728 * light[2],
          -0.1246 * light[0] + 1.1329 * light[1] - 0.0083 * light[2],
          -0.0182 * light[0] - 0.1006 * light[1] + 1.1187 * light[2]};
}

}  // namespace

void ToneMap::apply(const uint16_t* deep, uint8_t* rgb, int pixels) const {
  for (int i = 0; i < pixels; ++i, deep += 3, rgb += 3) {
    Light light = to_nits(deep, transfer_);
    if (wide_gamut_) light = to_bt709(light);
    for (double& value : light) value = std::max(value / kWhiteNits, 0.0);
    const double brightest = std::max({light[0], light[1], light[2]});
    double gain = 1;
    if (brightest > kKnee) {
      gain = (kKnee + (1 - kKnee) * (1 - std::exp((kKnee - brightest) / (1 - kKnee)))) / brightest;
    }
    for (size_t c = 0; c < 3; ++c) {
      const double level = 255 * std::pow(std::min(light[c] * gain, 1.0), 1 / 2.4);
      rgb[c] = static_cast<uint8_t>(std::lround(level));
    }
  }
}

}  // namespace vidgen::video
