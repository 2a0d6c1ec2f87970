#include "vidgen/models/options.h"

#include <algorithm>
#include <functional>

#include "vidgen/models/discriminator.h"
#include "vidgen/models/frame_generator.h"

namespace vidgen::models {
namespace {

constexpr int64_t kBaseWidth = 64;
constexpr int64_t kMaxWidth = 512;
/// Pixels a side of a generator's first stage and of what a discriminator's last layer looks at.
constexpr int64_t kSmallest = 4;

const core::Choices<nn::AttentionAxes>& axes_choices() {
  static const core::Choices<nn::AttentionAxes> choices{
      {"space", nn::AttentionAxes::kSpace}, {"space_time", nn::AttentionAxes::kSpaceTime}};
  return choices;
}

int64_t doublings(int64_t size) { return doublings_between(kSmallest, size); }

/// Throws an error of the value at `path`: "found ...".
template <class... Parts>
[[noreturn]] void refuse(const std::string& path, const Parts&... parts) {
  throw core::FieldError(path, core::cat("found ", parts...));
}

/// The smallest first.
std::vector<int64_t> default_widths(int64_t count) {
  std::vector<int64_t> widths;
  for (int64_t width = kBaseWidth; count > 0; --count, width = std::min(2 * width, kMaxWidth)) {
    widths.push_back(width);
  }
  return widths;
}

/// One width for each doubling; `one_more` tells what a further one would be for, if it may be
/// there.
void check_widths(const std::vector<int64_t>& widths, int64_t picture, const std::string& path,
                  const std::string& one_more = "") {
  const auto expected = static_cast<size_t>(doublings(picture));
  if (widths.empty() || widths.size() == expected) return;
  if (!one_more.empty() && widths.size() == expected + 1) return;
  refuse(path, widths.size(), " widths, expected ", expected, " for pictures of ", picture, "x",
         picture, " (one for each doubling from 4x4), ",
         one_more.empty() ? "" : core::cat(expected + 1, " (", one_more, "), "), "or none");
}

void check_generator_widths(const GeneratorOptions& options, const ClipShape& shape) {
  const std::string path = "model.generator.widths";
  if (!frame_generator_type(options.type).always_full_size)
    return check_widths(options.widths, shape.size, path, "with a last stage of full size");
  const auto expected = static_cast<size_t>(doublings(shape.size)) + 1;
  if (options.widths.empty() || options.widths.size() == expected) return;
  refuse(path, options.widths.size(), " widths, expected ", expected, " for a ", options.type,
         " generator of pictures of ", shape.size, "x", shape.size,
         " (one for each size from 4x4), or none");
}

/// `resolutions` are some of those of hidden stages: 4, 8, ... up to `largest`.
void check_stages(const std::vector<int64_t>& resolutions, int64_t largest,
                  const std::string& path) {
  std::string known;
  for (int64_t side = kSmallest; side <= largest; side *= 2) {
    known += (known.empty() ? "" : ", ") + std::to_string(side);
  }
  for (const int64_t side : resolutions) {
    const bool power_of_two = side > 0 && (side & (side - 1)) == 0;
    if (power_of_two && side >= kSmallest && side <= largest) continue;
    refuse(path, "resolution ", side, ", expected some of ", known);
  }
}

void check_slots(const ModelOptions& options) {
  const auto& generator = options.generator;
  const int64_t slots = generator.slots;
  if (slots == 1) return;
  const std::string path = "model.generator.slots";
  if (generator.warp_resolution == 0)
    refuse(path, slots, ", expected 1 without warp_resolution, where they are added up");
  if (!generator.attention.empty() && generator.attention_axes == nn::AttentionAxes::kSpaceTime)
    refuse(path, slots, ", expected 1 with attention_axes: space_time");
  const auto check = [&](const char* key, int64_t dim, int64_t unit) {
    if (dim % (slots * unit) == 0) return;
    refuse(core::cat("model.temporal.", key), dim, ", expected a multiple of ", slots * unit,
           ", as much for each of model.generator.slots");
  };
  check("content_dim", options.temporal.content_dim, 1);
  check("motion_dim", options.temporal.motion_dim, nn::motion_type(options.temporal).unit);
}

void check_warp(const ModelOptions& options, const ClipShape& shape) {
  const auto& generator = options.generator;
  if (generator.warp_resolution == 0) {
    if (!generator.warp_fade) return;
    refuse("model.generator.warp_fade",
           "true, expected false without warp_resolution, where groups move");
  }
  const std::string path = "model.generator.warp_resolution";
  const auto widths = resolved_widths(generator, shape);
  check_stages({generator.warp_resolution}, kSmallest << (widths.size() - 1), path);
  if (options.temporal.content_dim == 0 && options.classes() == 0) {
    refuse(path, generator.warp_resolution,
           ", which paints clips from their content, but model.temporal.content_dim is 0");
  }
  const auto stage = static_cast<size_t>(doublings(generator.warp_resolution));
  const int64_t width = widths.at(stage);
  if (width % generator.warp_groups != 0) {
    refuse("model.generator.warp_groups", generator.warp_groups, ", expected a divisor of ", width,
           ", the width at ", generator.warp_resolution, "x", generator.warp_resolution);
  }
  if (generator.warp_still >= generator.warp_groups) {
    refuse("model.generator.warp_still", generator.warp_still, ", expected less than the ",
           generator.warp_groups, " of warp_groups");
  }
}

void check_frame_discriminator(const DiscriminatorOptions& options, const ClipShape& shape,
                               const std::string& path) {
  if (options.frames > shape.frames) {
    refuse(path + ".frames", options.frames, ", expected at most ", shape.frames,
           ", the frames of a clip");
  }
  if (options.frame_stack != 1) {
    refuse(path + ".frame_stack", options.frame_stack, ", expected 1 for single frames");
  }
  if (options.timestamps) refuse(path + ".timestamps", "true, expected false for single frames");
}

void check_discriminator(const DiscriminatorOptions& options, const ClipShape& shape,
                         const std::string& path) {
  const int64_t picture = shape.size / options.pool;
  if (options.pool == 3 || picture < 2 * kSmallest) {
    refuse(path + ".pool", options.pool,
           ", expected 1, 2 or 4 that leaves at least 8 pixels of the clip's ", shape.size);
  }
  check_widths(options.widths, picture, path + ".widths");
  check_stages(options.attention, picture / 2, path + ".attention");
  if (options.frame_stack_resolution != 0 && options.frame_stack_resolution != picture) {
    check_stages({options.frame_stack_resolution}, picture / 2, path + ".frame_stack_resolution");
  }
  discriminator_network(options).validate(options, shape, path);
  if (options.takes_frames()) check_frame_discriminator(options, shape, path);
}

void check_class_names(const std::vector<std::string>& names) {
  if (names.empty()) return;
  const std::string path = "model.class_names";
  if (names.size() == 1) refuse(path, "one, \"" + names[0] + "\", expected at least two, or none");
  const auto wrong = std::adjacent_find(names.begin(), names.end(), std::greater_equal<>());
  if (wrong == names.end()) return;
  refuse(path, "\"", wrong[1], "\" behind \"", wrong[0],
         "\", expected alphabetical order and each name once");
}

}  // namespace

int64_t doublings_between(int64_t from, int64_t to) {
  int64_t count = 0;
  for (; from < to; from *= 2) ++count;
  for (; from > to; from /= 2) --count;
  return count;
}

std::vector<DiscriminatorOptions> default_discriminators() {
  std::vector<DiscriminatorOptions> both(2);
  both[1].type = "clip";
  return both;
}

void fields(core::FieldVisitor& visitor, ClipShape& shape) {
  visitor.field("channels", shape.channels, {1, 3}, "3 is colour, 1 is grey");
  visitor.field("frames", shape.frames, {1, 4096}, "frames in a training clip");
  visitor.field("size", shape.size, {16, 1024}, "height and width in pixels, a power of two");
  visitor.field("fps", shape.fps, {0, 1000}, "frames a second; 0 is unknown");
}

void fields(core::FieldVisitor& visitor, GeneratorOptions& options) {
  visitor.choice("type", options.type, core::name_choices(frame_generator_types()),
                 "the network that paints a frame from a latent");
  visitor.field(
      "widths", options.widths, {1, 8192},
      "channels of the hidden stages from 4x4 upwards, one for each doubling up to half "
      "the size, and optionally (residual: always) one more for a stage of full size; "
      "empty: 64 at half the size, doubling towards the first, and for residual 32 at "
      "full size; above 64x64 those of 64x64, and half as many at each further size. Twice the "
      "widths are four times the work. Where all widths of the file are for another data.size they "
      "are made to fit: a size that both have keeps its channels, each further one has half of the "
      "one below, at least 8");
  visitor.field(
      "attention", options.attention, {4, 1024},
      "resolutions, 4 up to half the size, behind which a block of self-attention stands");
  visitor.choice("attention_axes", options.attention_axes, axes_choices(),
                 "whether positions attend to their own frame or to the whole clip");
  visitor.formerly("warp_at");
  visitor.field(
      "warp_resolution", options.warp_resolution, {0, 1024},
      "the resolution up to which a clip is painted once, from its content and class, and "
      "where motion moves it to its place in each frame; 0: each frame is painted from "
      "its own latent");
  visitor.field(
      "warp_groups", options.warp_groups, {1, 512},
      "groups of channels that move independently; a divisor of the width at warp_resolution");
  visitor.field("warp_still", options.warp_still, {0, 511},
                "of these groups, how many stay where they are, as a scene does before a fixed "
                "camera");
  visitor.field(
      "warp_fade", options.warp_fade,
      "groups that move also become fainter or stronger from frame to frame, so that they "
      "may take turns, as the poses of a walk do");
  visitor.formerly("objects");
  visitor.field(
      "slots", options.slots, {1, 64},
      "things that a clip shows, painted and moved by the same layers, each from an equal "
      "part of content and motion of its own, and added up at warp_resolution; 1 without it");
}

void fields(core::FieldVisitor& visitor, DiscriminatorOptions& options) {
  visitor.choice(
      "type", options.type, core::name_choices(discriminator_types()),
      "frame tells real frames from generated ones, clip whole clips, by 3-D convolutions");
  visitor.choice("network", options.network, core::name_choices(discriminator_networks()),
                 "strided convolutions with batch normalisation, or residual blocks, which see "
                 "clips by separate convolutions over pixels and over time");
  visitor.choice("norm", options.norm,
                 core::Choices<DiscriminatorNorm>{{"none", DiscriminatorNorm::kNone},
                                                  {"batch", DiscriminatorNorm::kBatch},
                                                  {"spectral", DiscriminatorNorm::kSpectral}},
                 "normalisation in a residual network");
  visitor.formerly("fold");
  visitor.field("frame_stack", options.frame_stack, {1, 4096},
                "frames that a residual clip network lays over each other as channels of one "
                "picture; divides the work");
  visitor.formerly("fold_at");
  visitor.field("frame_stack_resolution", options.frame_stack_resolution, {0, 1024},
                "the resolution, from 4 upwards, at which it does; 0: at the picture's own");
  visitor.formerly("times");
  visitor.field("timestamps", options.timestamps,
                "whether a residual clip network is told when each frame is, which train.frames "
                "needs: without, slow clips seen at long distances look like fast ones");
  visitor.field("minibatch_stddev", options.minibatch_stddev,
                "whether a residual network is told how much the batch varies, against clips that "
                "are all alike");
  visitor.field(
      "widths", options.widths, {1, 8192},
      "channels of the hidden stages, one for each halving down to 4x4; empty: 64, "
      "doubling, and above 64x64 half as many at each further size. They follow data.size "
      "as those of the generator do");
  visitor.at_resume(core::AtResume::kFree);
  visitor.field("frames", options.frames, {1, 4096},
                "frames of each clip that a frame discriminator looks at, drawn anew at each step");
  visitor.at_resume(core::AtResume::kInitFrom);
  visitor.field(
      "pool", options.pool, {1, 4},
      "averages squares of this many pixels a side first: 1, 2 or 4; 2 is a quarter of the work");
  visitor.field(
      "attention", options.attention, {4, 1024},
      "resolutions, 4 up to half the picture, behind which a block of self-attention stands");
  visitor.choice("attention_axes", options.attention_axes, axes_choices(),
                 "whether positions attend to their own frame or to the whole clip");
  visitor.at_resume(core::AtResume::kFree);
  visitor.field("weight", options.weight, {0, 1e6},
                "factor of this discriminator's term in the generator's loss");
}

void fields(core::FieldVisitor& visitor, ModelOptions& options) {
  visitor.at_resume(core::AtResume::kInitFrom);
  visitor.section("generator", options.generator, "paints the frames");
  visitor.section("temporal", options.temporal, "makes the latents of a clip's frames");
  visitor.sections("discriminators", options.discriminators, "type",
                   "tell real clips from generated ones; their losses are added");
  visitor.at_resume(core::AtResume::kFree);
  visitor.choice("init", options.init, nn::init_choices(),
                 "how weights start: dcgan (normal 0.02), default (PyTorch's own) or he (variance "
                 "2 / fan in)");
  visitor.at_resume(core::AtResume::kInitFrom);
  visitor.field("class_names", options.class_names,
                "what the classes are called, in alphabetical order; with data.classes they are "
                "filled in, or must be those that are found");
  visitor.field("class_dim", options.class_dim, {1, 4096},
                "length of the latent part that is learned for each class");
}

void validate(const ModelOptions& options, const ClipShape& shape) {
  if (shape.size < 16 || (shape.size & (shape.size - 1)) != 0) {
    refuse("data.size", shape.size, ", expected a power of two from 16 upwards");
  }
  check_generator_widths(options.generator, shape);
  check_stages(options.generator.attention, shape.size / 2, "model.generator.attention");
  nn::validate(options.temporal, "model.temporal");
  check_warp(options, shape);
  check_slots(options);
  if (options.discriminators.empty()) {
    refuse("model.discriminators", "none, expected at least one");
  }
  for (size_t i = 0; i < options.discriminators.size(); ++i) {
    check_discriminator(options.discriminators[i], shape,
                        core::cat("model.discriminators[", i, "]"));
  }
  check_class_names(options.class_names);
}

bool has_full_size_stage(const GeneratorOptions& options, const ClipShape& shape) {
  return frame_generator_type(options.type).always_full_size ||
         static_cast<int64_t>(options.widths.size()) == doublings(shape.size) + 1;
}

std::vector<int64_t> resolved_widths(const GeneratorOptions& options, const ClipShape& shape) {
  if (!options.widths.empty()) return options.widths;
  auto widths = default_widths(doublings(shape.size));
  std::reverse(widths.begin(), widths.end());
  if (frame_generator_type(options.type).always_full_size) widths.push_back(kBaseWidth / 2);
  return widths;
}

std::vector<int64_t> resolved_widths(const DiscriminatorOptions& options, const ClipShape& shape) {
  return options.widths.empty() ? default_widths(doublings(shape.size / options.pool))
                                : options.widths;
}

}  // namespace vidgen::models
