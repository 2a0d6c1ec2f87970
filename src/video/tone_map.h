#pragma once

#include <cstdint>

namespace vidgen::video {

enum class Transfer { kPq, kHlg };

/// Makes SDR of HDR pixels: to light in nits (PQ: SMPTE ST 2084; HLG: ITU-R BT.2100 for a display
/// of 1,000 nits), from the primaries of BT.2020 to those of BT.709 (ITU-R BT.2087), with 203 nits,
/// the white of ITU-R BT.2408, just below white, and all that is brighter in a soft shoulder; then
/// to levels for a display with gamma 2.4 (ITU-R BT.1886).
class ToneMap {
 public:
  ToneMap(Transfer transfer, bool wide_gamut) : transfer_(transfer), wide_gamut_(wide_gamut) {}

  /// `deep` is RGB of 16 bits in native byte order, `rgb` of 8.
  void apply(const uint16_t* deep, uint8_t* rgb, int pixels) const;

 private:
  const Transfer transfer_;
  const bool wide_gamut_;
};

}  // namespace vidgen::video
