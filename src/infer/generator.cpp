#include "vidgen/infer/generator.h"

#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <array>
#include <utility>

#include "executor.h"
#include "vidgen/checkpoint/checkpoint.h"
#include "vidgen/checkpoint/recovery.h"
#include "vidgen/core/error.h"
#include "vidgen/core/text.h"
#include "vidgen/infer/playable.h"
#include "vidgen/models/summary.h"
#include "vidgen/nn/processor.h"

namespace vidgen::infer {
namespace {

/// By their place in Precision.
constexpr std::array<const char*, 4> kPrecisionNames{"auto", "float32", "bfloat16", "int8"};

/// The precision that a generator runs in.
Precision resolved(const CompileOptions& options, bool quantized) {
  const auto wanted = options.precision;
  if (quantized && (wanted == Precision::kAuto || wanted == Precision::kInt8)) {
    if (options.device.is_cpu()) return Precision::kInt8;
    throw Error("precision int8: runs on the CPU only; use float32 or bfloat16");
  }
  const auto precision = wanted == Precision::kAuto ? Precision::kFloat32 : wanted;
  if (can_compute(precision, options.device)) return precision;
  throw Error(
      precision == Precision::kInt8
          ? "precision int8: this generator is not quantised, which vidgen quantize does"
          : "precision bfloat16: this processor lacks AVX-512, which oneDNN needs for it, or "
            "$ONEDNN_MAX_CPU_ISA keeps oneDNN from using it; use float32");
}

/// What the layers that are not in eight bits are computed in.
Setting floating_setting(Precision precision, torch::Device device) {
  const bool half = precision == Precision::kBfloat16 ||
                    (precision == Precision::kInt8 && can_compute(Precision::kBfloat16, device));
  return {device, half ? torch::kBFloat16 : torch::kFloat};
}

Playable parts_of(const models::VideoGenerator& network) {
  return {network, make_plan(network), {}};
}

/// What is in the file, for the options.
Playable load_parts(const checkpoint::Checkpoint& checkpoint, const CompileOptions& options) {
  if (options.precision == Precision::kInt8 && checkpoint.kind != checkpoint::Kind::kQuantized) {
    throw Error(core::cat(checkpoint.path.string(),
                          ": is not quantised, so that there is no precision int8; vidgen quantize "
                          "makes a file that has it"));
  }
  return load_playable(checkpoint);
}

/// A copy of the network without its frame generator.
models::VideoGenerator latents_of(const models::VideoGenerator& network, torch::Device device) {
  models::VideoGenerator copy(
      std::dynamic_pointer_cast<models::VideoGeneratorImpl>(network->clone()));
  copy->drop_frame_generator();
  copy->eval();
  copy->to(device);
  return copy;
}

}  // namespace

std::string precision_name(Precision precision) {
  return kPrecisionNames.at(static_cast<size_t>(precision));
}

Precision parse_precision(const std::string& name) {
  const auto found = std::find(kPrecisionNames.begin(), kPrecisionNames.end(), name);
  if (found != kPrecisionNames.end())
    return static_cast<Precision>(found - kPrecisionNames.begin());
  throw Error(core::cat(
      "precision ", name, ": expected one of ",
      core::join(std::vector<std::string>(kPrecisionNames.begin(), kPrecisionNames.end()))));
}

bool can_compute(Precision precision, torch::Device device) {
  if (precision == Precision::kInt8) return false;
  return precision != Precision::kBfloat16 || !device.is_cpu() || nn::computes_bfloat16();
}

CompiledGenerator CompiledGenerator::load(const std::filesystem::path& run_or_file,
                                          const CompileOptions& options) {
  return CompiledGenerator(checkpoint::read_trained(run_or_file), options);
}

CompiledGenerator::CompiledGenerator(const checkpoint::Checkpoint& checkpoint,
                                     const CompileOptions& options)
    : CompiledGenerator(load_parts(checkpoint, options), checkpoint.clip,
                        checkpoint::model_options(checkpoint).class_names, options) {}

CompiledGenerator::CompiledGenerator(const models::VideoGenerator& network,
                                     const models::ClipShape& shape,
                                     std::vector<std::string> class_names,
                                     const CompileOptions& options)
    : CompiledGenerator(parts_of(network), shape, std::move(class_names), options) {}

CompiledGenerator::CompiledGenerator(const Playable& parts, const models::ClipShape& shape,
                                     std::vector<std::string> class_names,
                                     const CompileOptions& options)
    : latents_(latents_of(parts.network, options.device)),
      shape_(shape),
      class_names_(std::move(class_names)),
      precision_(resolved(options, !parts.int8.empty())),
      parameters_(models::parameter_count(*parts.network)) {
  auto setting = floating_setting(precision_, options.device);
  setting.cuda_graph = options.cuda_graph;
  const auto special =
      precision_ == Precision::kInt8 ? int8_steps(parts.int8, setting) : StepMaker();
  executor_ = std::make_shared<Executor>(parts.plan, setting, special);
  if (shape_.fps <= 0) shape_.fps = 25;
}

int64_t CompiledGenerator::class_index(const std::string& name) const {
  if (class_names_.empty())
    throw Error(core::cat("class ", name, ": this generator was trained without classes"));
  const auto found = std::find(class_names_.begin(), class_names_.end(), name);
  if (found == class_names_.end()) {
    throw Error(core::cat("class ", name,
                          ": this generator has none of that name, expected some of ",
                          core::join_list(class_names_)));
  }
  return found - class_names_.begin();
}

models::ConditionSampler CompiledGenerator::conditions(
    const std::vector<std::string>& classes) const {
  if (classes.empty()) return models::ConditionSampler(latents_->options.condition);
  std::vector<int64_t> chosen;
  for (const auto& name : classes) chosen.push_back(class_index(name));
  return models::ConditionSampler(models::Condition{torch::tensor(chosen, torch::kLong)});
}

Rendering CompiledGenerator::rendering(const RenderOptions& options) const {
  return Rendering(executor_, latents_, options, shape_.frames, conditions(options.classes));
}

torch::Tensor CompiledGenerator::render(const RenderOptions& options) const {
  const int64_t frames = options.frames > 0 ? options.frames : shape_.frames;
  const auto clips = torch::empty({options.count, frames, shape_.size, shape_.size, 3}, torch::kU8);
  auto* next = clips.data_ptr<uint8_t>();
  video::CallbackSink sink([&next, bytes = shape_.size * shape_.size * 3](const uint8_t* rgb) {
    next = std::copy_n(rgb, bytes, next);
  });
  render(options, sink);
  return clips;
}

void CompiledGenerator::render(const RenderOptions& options, video::VideoSink& sink) const {
  auto parts = rendering(options);
  for (auto part = parts.next(); part.defined(); part = parts.next()) {
    for (const auto& frame : part.contiguous().unbind()) sink.write(frame.data_ptr<uint8_t>());
  }
}

torch::Tensor CompiledGenerator::frames(const torch::Tensor& z, int64_t frames_of_a_clip) const {
  const int64_t dim = latents_->options.frame.latent_dim;
  TORCH_CHECK(
      z.dim() == 2 && z.size(1) == dim && frames_of_a_clip > 0 && z.size(0) % frames_of_a_clip == 0,
      "expected latents [M,", dim, "] of clips of ", frames_of_a_clip, " frames, found ",
      z.sizes());
  const c10::InferenceMode inference;
  return executor_->run(z, frames_of_a_clip).to(torch::kFloat);
}

bool CompiledGenerator::can_stream() const { return !executor_->looks_along_clips(); }

Stream CompiledGenerator::stream(const StreamOptions& options) const {
  if (!can_stream()) {
    throw Error(
        "this generator has attention over space and time (attention_axes: space_time): a frame "
        "looks at the whole clip, and cannot be made before the others");
  }
  std::vector<std::string> classes;
  if (!options.class_name.empty()) classes.push_back(options.class_name);
  return Stream(executor_, latents_, conditions(classes).in_turn(1), options);
}

}  // namespace vidgen::infer
