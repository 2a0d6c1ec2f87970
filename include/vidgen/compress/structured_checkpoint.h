#pragma once

#include <array>
#include <vector>

#include "vidgen/checkpoint/checkpoint.h"
#include "vidgen/compress/structured.h"

namespace vidgen::compress {

struct StructuredOptions {
  Importance importance = Importance::kTaylor;
  AllocationOptions allocation;
};

/// How much of one stage's channels it is measured without.
inline constexpr std::array<double, 3> kSensitivityShares{0.25, 0.5, 0.75};

struct StageRow {
  /// Pixels a side.
  int64_t resolution = 4;
  int64_t width = 0;
  int64_t kept = 0;
  /// What its clips are like, by PSNR in dB to those of the whole generator, when this stage alone
  /// loses each of kSensitivityShares.
  std::vector<double> psnr;
};

struct StructuredReport {
  std::vector<StageRow> stages;
  /// Of the frame generator, for one clip.
  double flops_before = 0;
  double flops_after = 0;
  /// Of the whole generator.
  int64_t parameters_before = 0;
  int64_t parameters_after = 0;
  /// Of the result's clips to the original's, in dB.
  double psnr = 0;
};

/// Takes whole channels out of the frame generator of a checkpoint or weights file, in place, until
/// the share of its arithmetic that the options name is gone; what is left is an ordinary generator
/// of smaller model.generator.widths, which are written into the configuration. A checkpoint's
/// averaged generator says which channels; those of the one that is trained, of the optimiser's
/// state and of the masks of an earlier pass go with them, so that training goes on. The batch
/// normalisation of the averaged generator gets the statistics of its new activations. How many
/// each stage loses is decided by what clips of it with less channels look like: see
/// allocate_widths(). Throws vidgen::Error as that does, and as checkpoint::load_generator().
StructuredReport prune_structured(checkpoint::Checkpoint& checkpoint,
                                  const StructuredOptions& options);

/// How near the clips of a generator are to those of another one, by PSNR in dB; infinite where
/// they are the same.
double psnr_between(const checkpoint::Checkpoint& original, const checkpoint::Checkpoint& other);

}  // namespace vidgen::compress
