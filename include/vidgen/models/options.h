#pragma once

#include <string>
#include <vector>

#include "vidgen/core/fields.h"
#include "vidgen/models/condition.h"
#include "vidgen/models/shape.h"
#include "vidgen/nn/attention.h"
#include "vidgen/nn/init.h"
#include "vidgen/nn/temporal.h"

namespace vidgen::models {

/// The network that paints one frame from one latent.
struct GeneratorOptions {
  /// One of frame_generator_types().
  std::string type = "dcgan";
  /// Channels of the hidden stages, from 4x4 pixels upwards, one for each doubling up to half the
  /// clip size, and optionally (residual: always) one more for a stage of the clip size. Empty: 64
  /// at half the size, doubling towards the first, at most 512, and for residual 32 at the clip
  /// size. Twice the widths is four times the work.
  std::vector<int64_t> widths;
  /// Resolutions (4 up to half the clip size) behind which a block of self-attention stands.
  std::vector<int64_t> attention;
  nn::AttentionAxes attention_axes = nn::AttentionAxes::kSpace;
  /// The resolution of the stage (4x4 up to the last) where what a clip shows is moved to where it
  /// is in each frame (nn::Warp): up to there a clip is painted once, from its content and class.
  /// 0: nothing is moved, each frame is painted from its own latent.
  int64_t warp_at = 0;
  /// Groups of channels that move independently; a divisor of the width at warp_at.
  int64_t warp_groups = 1;
  /// Groups, the first ones, that stay where they are, as a scene does before a fixed camera.
  int64_t warp_still = 0;
  /// Whether the groups that move are also fainter or stronger from frame to frame (nn::Warp).
  bool warp_fade = false;
  /// With warp_at: objects that a clip shows, painted and moved by the same layers, each from its
  /// own equal part of content and motion; what they show is added up at warp_at.
  int64_t objects = 1;
};

/// What holds the numbers in a residual discriminator in range. One of strided convolutions always
/// has batch normalisation.
enum class DiscriminatorNorm { kNone, kBatch, kSpectral };

/// One network that tells real from generated. Its picture is halved until 4x4 pixels are left.
struct DiscriminatorOptions {
  /// One of discriminator_types().
  std::string type = "frame";
  /// One of discriminator_networks().
  std::string network = "dcgan";
  /// For a residual network.
  DiscriminatorNorm norm = DiscriminatorNorm::kNone;
  /// Frames that a residual clip discriminator lays over each other as channels of one picture.
  int64_t fold = 1;
  /// The resolution (4 up to the pooled picture) where it does; 0: the picture itself.
  int64_t fold_at = 0;
  /// Whether a residual clip discriminator is told when each frame is, by a channel more. Without,
  /// it takes slow clips seen at long distances for fast ones.
  bool times = false;
  /// Whether a residual network is told how much the batch varies.
  bool minibatch_stddev = false;
  /// Channels of the hidden stages, one for each halving of the (pooled) picture. Empty: 64,
  /// doubling, at most 512.
  std::vector<int64_t> widths;
  /// Frames of each clip that a frame discriminator looks at, drawn anew at each step.
  int64_t frames = 1;
  /// Averages squares of this many pixels a side first: 1, 2 or 4. 2 is a quarter of the work.
  int64_t pool = 1;
  /// Resolutions (4 up to half the pooled picture) behind which a block of self-attention stands.
  std::vector<int64_t> attention;
  nn::AttentionAxes attention_axes = nn::AttentionAxes::kSpace;
  /// Factor of this discriminator's term in the generator's loss.
  double weight = 1;

  /// Whether it looks at single frames, not at clips.
  bool judges_frames() const;
};

/// A frame discriminator and a clip discriminator, the pair of MoCoGAN.
std::vector<DiscriminatorOptions> default_discriminators();

struct ModelOptions {
  GeneratorOptions generator;
  nn::TemporalOptions temporal;
  std::vector<DiscriminatorOptions> discriminators = default_discriminators();
  nn::Init init = nn::Init::kDcgan;
  /// The classes that clips have, a clip's label being the place of its own in here, sorted; empty
  /// where clips have none. Those of the data, from which training takes them.
  std::vector<std::string> class_names;
  /// Length of the part of a latent that a generator of classes learns for each of them.
  int64_t class_dim = 32;

  int64_t classes() const { return static_cast<int64_t>(class_names.size()); }
  ConditionOptions condition() const { return {classes(), class_dim}; }
};

void fields(core::FieldVisitor& visitor, GeneratorOptions& options);
void fields(core::FieldVisitor& visitor, DiscriminatorOptions& options);
void fields(core::FieldVisitor& visitor, ModelOptions& options);

/// Throws core::FieldError when the options do not fit the clips or each other. Paths are those of
/// the configuration: "model.generator.widths", "model.discriminators[1].widths", "data.size".
void validate(const ModelOptions& options, const ClipShape& shape);

/// Whether the widths name a stage of the size of the clips.
bool has_full_size_stage(const GeneratorOptions& options, const ClipShape& shape);

/// The widths that are used: those given, or the default for the size. The size must be valid.
std::vector<int64_t> resolved_widths(const GeneratorOptions& options, const ClipShape& shape);
std::vector<int64_t> resolved_widths(const DiscriminatorOptions& options, const ClipShape& shape);

}  // namespace vidgen::models
