#pragma once

#include <cmath>

namespace vidgen::compress {

/// In dB, of pictures in [-1,1] that differ by this mean squared error; infinite for none.
inline double psnr_of(double mean_square) { return 10 * std::log10(4 / mean_square); }

}  // namespace vidgen::compress
