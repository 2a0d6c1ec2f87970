#pragma once

#include <string>
#include <vector>

#include "vidgen/bench/samples.h"
#include "vidgen/train/gan_step.h"

namespace vidgen::bench {

/// What this machine reaches where nothing is in the way, in operations a second: the ceiling that
/// a step is compared with.
struct Roofline {
  /// A 3x3 convolution of 256 to 256 channels, channels_last.
  double convolution = 0;
  /// A product of two square matrices of 2048 rows.
  double gemm = 0;
  /// Bytes a second, read and written, of copying 64 MiB.
  double bandwidth = 0;
};
Roofline measure_roofline(torch::Device device, at::ScalarType type);

/// One convolution of a network, run for itself on a batch as in training.
struct ConvolutionTimes {
  /// "generator.frame.main.0".
  std::string name;
  /// Floating-point operations of each direction.
  double flops = 0;
  /// Bytes that each direction has to read and write at least.
  double bytes = 0;
  Samples forward, input_gradient, weight_gradient;
};
/// All convolutions of the generator and the discriminators, in the order in which they run.
std::vector<ConvolutionTimes> time_convolutions(train::GanStep& gan,
                                                const train::RunOptions& options,
                                                torch::Device device, const Repeats& repeats);

}  // namespace vidgen::bench
