#pragma once

#include <torch/types.h>

#include <array>
#include <cstdint>
#include <functional>
#include <vector>

#include "vidgen/checkpoint/checkpoint.h"
#include "vidgen/checkpoint/safetensors.h"
#include "vidgen/compress/channels.h"
#include "vidgen/models/video_generator.h"

/// Structured pruning as functions of tensors: which channels of a frame generator matter, and how
/// many of them each stage keeps.
namespace vidgen::compress {

/// What says how much a channel matters.
enum class Importance {
  /// Sum of the magnitudes of the filters that put the channel out, and of those that read it, each
  /// as a share of all channels' (after Li et al., "Pruning Filters for Efficient ConvNets", 2017).
  kL1,
  /// Magnitude of the scale of the batch normalisation behind it (Liu et al., "Learning Efficient
  /// Convolutional Networks through Network Slimming", 2017); kL1 for the queries of attention,
  /// which have none.
  kBatchNorm,
  /// How much the pictures change without it, to first order: see taylor_importance().
  kTaylor
};

/// kL1 of each channel: float64 [channels]. `weights` are the generator's, by the names of its
/// parameters.
torch::Tensor l1_importance(const checkpoint::Tensors& weights, const ChannelGroup& group);

/// kBatchNorm of each channel: float64 [channels].
torch::Tensor norm_importance(const checkpoint::Tensors& weights, const ChannelGroup& group);

/// kTaylor of each channel, for each group float64 [channels]: the mean over `batches` clips of
/// (sum of parameter * gradient)^2, the sum over what scales the channel (ChannelPlace::scales),
/// which makes it the derivative by a factor on the channel (Molchanov et al., "Importance
/// Estimation for Neural Network Pruning", 2019). There is neither data nor a discriminator in a
/// weights file, so the gradient is that of <v, clip>, v being normally distributed: the mean of
/// the squares is then, to first order, the squared change of the clip when the channel goes. The
/// latents are those of the seeds 0, 1, ...; the generator must be in evaluation mode.
std::vector<torch::Tensor> taylor_importance(models::VideoGenerator& generator,
                                             const std::vector<ChannelGroup>& groups,
                                             const models::ClipShape& shape, int64_t batches = 32);

/// The `count` largest of float64 [channels], as many of each of the blocks that lie in a row,
/// among equals the first, as rising indices: int64. Both numbers are multiples of the blocks.
torch::Tensor most_important(const torch::Tensor& importance, int64_t count, int64_t blocks = 1);

/// For each group the most important channels, as many as the widths of the stages leave.
KeptChannels choose_channels(const std::vector<ChannelGroup>& groups,
                             const std::vector<torch::Tensor>& importance,
                             const std::vector<int64_t>& widths);

/// How the error of the pictures grows with the channels that one stage loses, from measurements at
/// a few widths: linear between them, and steeper with every channel that is missing, so that a
/// stage which is spoilt already is not taken for one that costs nothing more.
class ErrorCurve {
 public:
  explicit ErrorCurve(int64_t width) : knots_{{width, 0}} {}
  /// The error (mean square) at a width below all those before.
  void add(int64_t width, double error);
  double at(int64_t width) const;

 private:
  struct Knot {
    int64_t width;
    double error;
  };
  /// By how much the error grows with each channel less, from this knot on.
  double slope(size_t knot) const;

  /// The widest first.
  std::vector<Knot> knots_;
};

/// The arithmetic of a generator of these widths.
using Flops = std::function<double(const std::vector<int64_t>&)>;

/// How many channels each stage loses.
enum class Allocation {
  /// What costs the pictures least as they are: early stages lose most.
  kSensitivity,
  /// About the same share of each. Large pictures take more time for their arithmetic, so this
  /// gains more of it, and training on makes up for the pictures.
  kUniform
};

struct AllocationOptions {
  Allocation allocation = Allocation::kSensitivity;
  /// Share of the arithmetic to remove, in [0, 1).
  double sparsity = 0.5;
  /// Stages that lose channels keep a multiple of this many, which kernels like.
  int64_t multiple = 4;
  /// No stage loses channels below that many.
  int64_t min_width = 4;
};

/// The widths that are left.
///
/// kSensitivity: from `widths` on, the stage whose next loss costs the least error for
/// the arithmetic that it saves loses channels down to the next multiple, until `flops` of the
/// widths is at most (1 - sparsity) times what it was.
///
/// kUniform: the same share of each stage, to the nearest multiple, the largest for which `flops`
/// is so small; the curves do not count.
///
/// Throws vidgen::Error when sparsity is not in [0, 1), or more than can be had.
std::vector<int64_t> allocate_widths(const std::vector<int64_t>& widths,
                                     const std::vector<ErrorCurve>& curves, const Flops& flops,
                                     const AllocationOptions& options);

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
