#pragma once

#include <string>
#include <vector>

#include "vidgen/core/fields.h"
#include "vidgen/models/condition.h"
#include "vidgen/nn/attention.h"
#include "vidgen/nn/init.h"
#include "vidgen/nn/motion.h"

namespace vidgen::models {

/// The clips a model is made for, [B,channels,frames,size,size]; fields() describes each.
struct ClipShape {
  int64_t channels = 3;
  int64_t frames = 16;
  int64_t size = 64;
  double fps = 0;
};

/// How often `from` doubles to become `to`; negative where it halves. Both are powers of two.
int64_t doublings_between(int64_t from, int64_t to);

/// "model.generator", the network that paints one frame from one latent; fields() describes each.
struct GeneratorOptions {
  /// One of frame_generator_types().
  std::string type = "dcgan";
  std::vector<int64_t> widths;
  std::vector<int64_t> attention;
  nn::AttentionAxes attention_axes = nn::AttentionAxes::kSpace;
  int64_t warp_resolution = 0;
  int64_t warp_groups = 1;
  int64_t warp_still = 0;
  bool warp_fade = false;
  int64_t slots = 1;
};

enum class DiscriminatorNorm { kNone, kBatch, kSpectral };

/// One of "model.discriminators", which tells real from generated; fields() describes each.
struct DiscriminatorOptions {
  /// One of discriminator_types().
  std::string type = "frame";
  /// One of discriminator_networks().
  std::string network = "dcgan";
  DiscriminatorNorm norm = DiscriminatorNorm::kNone;
  int64_t frame_stack = 1;
  int64_t frame_stack_resolution = 0;
  bool timestamps = false;
  bool minibatch_stddev = false;
  std::vector<int64_t> widths;
  int64_t frames = 1;
  int64_t pool = 1;
  std::vector<int64_t> attention;
  nn::AttentionAxes attention_axes = nn::AttentionAxes::kSpace;
  double weight = 1;

  /// Whether it looks at single frames, not at clips.
  bool takes_frames() const;
};

/// A frame discriminator and a clip discriminator, the pair of MoCoGAN.
std::vector<DiscriminatorOptions> default_discriminators();

/// "model"; fields() describes each.
struct ModelOptions {
  GeneratorOptions generator;
  nn::TemporalOptions temporal;
  std::vector<DiscriminatorOptions> discriminators = default_discriminators();
  nn::Init init = nn::Init::kDcgan;
  /// A clip's label is the place of its class in here; empty where clips have none.
  std::vector<std::string> class_names;
  int64_t class_dim = 32;

  int64_t classes() const { return static_cast<int64_t>(class_names.size()); }
  ConditionOptions condition() const { return {classes(), class_dim}; }
};

void fields(core::FieldVisitor& visitor, ClipShape& shape);
void fields(core::FieldVisitor& visitor, GeneratorOptions& options);
void fields(core::FieldVisitor& visitor, DiscriminatorOptions& options);
void fields(core::FieldVisitor& visitor, ModelOptions& options);

/// Throws core::FieldError when the options do not fit the clips or each other. Paths are those of
/// the configuration: "model.generator.widths", "model.discriminators[1].widths", "data.size".
void validate(const ModelOptions& options, const ClipShape& shape);

/// Whether the widths name a stage of the size of the clips.
bool has_full_size_stage(const GeneratorOptions& options, const ClipShape& shape);

/// The widths that are used: those given, or the default for the size, which must be valid; above
/// 64x64 it repeats 512 (name_default_widths() names smaller ones).
std::vector<int64_t> resolved_widths(const GeneratorOptions& options, const ClipShape& shape);
std::vector<int64_t> resolved_widths(const DiscriminatorOptions& options, const ClipShape& shape);

}  // namespace vidgen::models
