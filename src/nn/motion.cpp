#include "vidgen/nn/motion.h"

#include "motion_type.h"

namespace vidgen::nn {
namespace {

/// The noise itself: every frame is drawn for itself.
class NoMotion : public Motion, public MotionDefaults {
 public:
  explicit NoMotion(const TemporalOptions&) {}
  torch::Tensor next(const MotionNoise& noise, int64_t frames, MotionState& state) override {
    state.frame += frames;
    return noise.noise;
  }
  MotionOutputs describe(graph::Graph&, const MotionInputs& inputs) const override {
    return {inputs.noise};
  }
};

}  // namespace

MotionType no_motion() { return motion_type_of<NoMotion>("none"); }

const std::vector<MotionType>& motion_types() {
  static const std::vector<MotionType> types{no_motion(),          lstm_motion(),
                                             gru_motion(),         gru_cell_motion(),
                                             convolution_motion(), sinusoidal_motion()};
  return types;
}

const MotionType& motion_type(const TemporalOptions& options) {
  for (const auto& type : motion_types()) {
    if (type.name == options.type) return type;
  }
  TORCH_CHECK(false, "no type of motion is called ", options.type);
}

void fields(core::FieldVisitor& visitor, TemporalOptions& options) {
  visitor.formerly("waves", "sinusoidal");
  visitor.choice("type", options.type, core::name_choices(motion_types()),
                 "how noise becomes motion; none draws every frame for itself, convolution and "
                 "sinusoidal do not drift in clips of any length");
  visitor.field("content_dim", options.content_dim, {0, 4096},
                "length of the latent part that a clip keeps");
  visitor.field("motion_dim", options.motion_dim, {0, 4096},
                "length of the latent part that changes from frame to frame");
  visitor.field(
      "hidden", options.hidden, {1, 4096},
      "state size of lstm and gru, channels between the layers of convolution and sinusoidal; the "
      "state of gru_cell is the motion itself");
  visitor.field("layers", options.layers, {1, 16},
                "layers of lstm, gru and convolution; gru_cell and sinusoidal have one");
  visitor.field("kernel", options.kernel, {1, 255},
                "frames that each layer of convolution looks at, odd; more give a smoother path");
}

void validate(const TemporalOptions& options, const std::string& path) {
  const bool moves = options.type != no_motion().name;
  if (options.motion_dim == 0 && (moves || options.content_dim == 0)) {
    throw core::FieldError(path + ".motion_dim",
                           moves ? "found 0, expected at least 1 for any type but none"
                                 : "found 0, as is content_dim; expected one above 0");
  }
  motion_type(options).validate(options, path);
}

void expect_rows(const torch::Tensor& noise, int64_t dim, int64_t more) {
  TORCH_CHECK(noise.dim() == 3 && noise.size(1) > more && noise.size(2) == dim,
              "expected noise [B,T", more > 0 ? core::cat("+", more) : "", ",", dim, "], found ",
              noise.sizes());
}

void expect_one_layer(const TemporalOptions& options, const std::string& path) {
  if (options.layers == 1) return;
  throw core::FieldError(path + ".layers",
                         core::cat("found ", options.layers, ", expected 1 for ", options.type));
}

int64_t noise_frames(const TemporalOptions& options, int64_t frames) {
  return frames + motion_type(options).more_noise(options);
}

}  // namespace vidgen::nn
