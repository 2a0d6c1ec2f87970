#pragma once

#include <torch/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "vidgen/checkpoint/safetensors.h"
#include "vidgen/models/options.h"
#include "vidgen/models/summary.h"
#include "vidgen/models/video_generator.h"

/// Which parts of which tensors are one channel of a frame generator, so that it can be taken out
/// of all of them. A generator without it is one of smaller model.generator.widths.
namespace vidgen::compress {

/// What a tensor is to the channels along one of its dimensions.
enum class ChannelRole {
  /// A filter for each, which puts it out.
  kMakes,
  /// What later layers multiply each with.
  kReads,
  /// A number for each, as in a bias.
  kOther
};

struct ChannelPlace {
  /// A parameter or buffer of the generator.
  std::string tensor;
  int64_t dim = 0;
  ChannelRole role = ChannelRole::kOther;
  /// Whether the channel, before it is rectified, is a sum of terms that are proportional to these
  /// parameters: the scale and the bias of its normalisation, a skip's filters.
  bool scales = false;
};

/// Channels that each are dropped from all of their places or from none.
struct ChannelGroup {
  /// Whose width it is in model.generator.widths.
  size_t stage = 0;
  int64_t channels = 0;
  /// The channels lie in so many blocks, of which each keeps as many: those that nn::Warp moves
  /// together.
  int64_t blocks = 1;
  /// Query and key of the stage's attention, of which there are
  /// nn::SelfAttentionOptions::query_channels() instead of the stage's width.
  bool queries = false;
  /// The batch normalisation behind the filters, "frame.main.1"; "" for none.
  std::string norm;
  std::vector<ChannelPlace> places;
};

/// For each stage one group of what it puts out, in their order; behind them those of what is
/// inside of residual blocks and attention.
std::vector<ChannelGroup> channel_groups(const models::VideoGenerator& generator);

/// Of how many channels of a group a stage of `width` consists.
int64_t channels_at(const ChannelGroup& group, int64_t width);

/// The channels that stay, rising, for each group: int64 on the CPU.
using KeptChannels = std::vector<torch::Tensor>;

/// Leaves only the kept channels of everything that belongs to the generator: tensors named as its
/// parameters and buffers, with or without "generator.", "ema.", "mask." in front, and the state of
/// its optimiser. `subject` begins the message of the vidgen::Error for a tensor that has not as
/// many channels as its group.
void slice_channels(checkpoint::Tensors& tensors, const std::vector<ChannelGroup>& groups,
                    const KeptChannels& kept, const std::string& subject);

/// The arithmetic of a frame generator (nn::forward_flops() of its layers, on one clip) as a
/// function of its widths.
class FrameFlops {
 public:
  /// `rows` are those of the generator that the options describe (models::summarize).
  FrameFlops(const std::vector<models::LayerRow>& rows, const std::vector<ChannelGroup>& groups,
             const models::ModelOptions& options, const models::ClipShape& shape);

  double operator()(const std::vector<int64_t>& widths) const;

 private:
  struct Convolution {
    double flops;
    /// It is proportional to the widths of these stages.
    std::vector<size_t> stages;
  };
  struct Attention {
    size_t stage;
    double positions;
    double in_frame;
  };

  std::vector<int64_t> widths_;
  nn::AttentionAxes axes_;
  std::vector<Convolution> convolutions_;
  std::vector<Attention> attention_;
};

}  // namespace vidgen::compress
