#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "vidgen/checkpoint/checkpoint.h"
#include "vidgen/compress/quantize.h"
#include "vidgen/core/fields.h"
#include "vidgen/infer/int8.h"

namespace vidgen::compress {

/// How the range of a layer's input is found from what the generator makes of its own latents.
enum class Calibration {
  /// All that was seen is represented.
  kMinMax,
  /// All but a few of the smallest and largest, which are clamped.
  kPercentile,
  /// Where eight bits cause the least mean squared error.
  kMse
};

/// "min-max", "percentile", "mse".
const core::Choices<Calibration>& calibration_choices();

struct QuantizeOptions {
  Calibration calibration = Calibration::kMinMax;
  /// For kPercentile: percentile_range().
  double percentile = 99.99;
  /// Clips to calibrate with, and as many others to measure on.
  int64_t clips = 8;
  /// Both say what the pictures may lose; the stricter counts. The layers that lose most stay in
  /// bfloat16 until it is met.
  ///
  /// The least PSNR to the pictures of the float32 generator, in dB (peak to peak 2).
  double min_psnr = 35;
  /// The most dB that the PSNR may lie below that of the generator wholly in bfloat16.
  double max_drop = std::numeric_limits<double>::infinity();
  /// Once it is settled which layers are in eight bits.
  QuantizeAwareOptions finetune{};
  /// Of the latents.
  uint64_t seed = 0;
};

/// What became of one layer that can be quantised.
struct QuantizeRow {
  std::string name;
  infer::Layer::Kind kind = infer::Layer::Kind::kConvolution;
  int64_t weights = 0;
  /// Of its input.
  infer::Uint8Scale input{};
  /// PSNR of the pictures to those in float32 when this layer alone is in eight bits, the others in
  /// float32; in dB. Before any fine-tuning.
  double psnr_alone = 0;
  /// Or bfloat16.
  bool int8 = true;
};

/// What fine-tuning has gained.
struct FinetuneGain {
  /// PSNR to float32, in dB, as QuantizeResult::psnr.
  double psnr_before = 0;
  double psnr_after = 0;

  /// Otherwise the result is as it was before.
  bool kept() const { return psnr_after >= psnr_before; }
};

struct QuantizeResult {
  /// Kind::kQuantized, with the source's path, configuration and step.
  checkpoint::Checkpoint file;
  /// In the order of execution.
  std::vector<QuantizeRow> rows;
  /// PSNR to float32, in dB, of the result, and of the generator wholly in bfloat16.
  double psnr = 0;
  double bfloat16_psnr = 0;
  /// Where options.finetune.steps are not 0.
  std::optional<FinetuneGain> finetune{};
};

/// Quantises the averaged generator of a checkpoint or weights file. The pass is noted in the
/// result (checkpoint::add_pass()). Throws vidgen::Error when an option is out of its range, the
/// generator is quantised already, or no layer at all may be in eight bits.
QuantizeResult quantize_checkpoint(const checkpoint::Checkpoint& source,
                                   const QuantizeOptions& options);

}  // namespace vidgen::compress
