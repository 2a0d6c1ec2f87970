#include "vidgen/train/distill.h"

#include <algorithm>

#include "vidgen/checkpoint/recovery.h"
#include "vidgen/train/changes.h"

namespace vidgen::train {
namespace {

using core::Json;

/// What both have to have alike, by its keys.
Json common_options(const models::ModelOptions& model, const models::ClipShape& shape) {
  Json common{
      {"data", {{"size", shape.size}, {"color", shape.channels == 1 ? "gray" : "rgb"}}},
      {"model",
       {{"temporal", core::write_fields(model.temporal)}, {"class_names", model.class_names}}}};
  if (model.classes() > 0) common["model"]["class_dim"] = model.class_dim;
  return common;
}

void check_student(const RunOptions& student, const checkpoint::Checkpoint& teacher) {
  const auto differences =
      changes_between(common_options(checkpoint::model_options(teacher), teacher.clip),
                      common_options(student.model, clip_shape(student.data)));
  const auto refuse = [&teacher](const std::string& where, const auto& has, const auto& needs) {
    throw core::FieldError(where, core::cat("found ", has, ", expected ", needs,
                                            " as in its teacher, ", teacher.path.string()));
  };
  if (!differences.empty()) {
    const auto& first = differences.front();
    refuse(first.key, first.now.dump(), first.before.dump());
  }
  // Stages before are pictures of clips, those behind are of frames.
  const auto& painter = student.model.generator;
  const auto model = checkpoint::model_options(teacher);
  if (student.distill.feature > 0 && painter.warp_resolution != model.generator.warp_resolution)
    refuse("model.generator.warp_resolution", painter.warp_resolution,
           model.generator.warp_resolution);
  if (student.distill.feature > 0 && painter.slots != model.generator.slots)
    refuse("model.generator.slots", painter.slots, model.generator.slots);
}

}  // namespace

Json student_passes(checkpoint::Checkpoint teacher, const DistillOptions& options) {
  checkpoint::add_pass(teacher, "distill", core::write_fields(options));
  return teacher.passes;
}

RunOptions with_teacher(RunOptions options) {
  auto& distill = options.distill;
  if (!distill.enabled()) return options;
  const auto teacher = checkpoint::read_trained(distill.teacher);
  // What a folder stands for can be another file later.
  distill.teacher = teacher.path.string();
  auto& names = options.model.class_names;
  if (names.empty() && !options.is_adversarial()) {
    names = checkpoint::model_options(teacher).class_names;
  }
  check_student(options, teacher);
  const std::string sha1 = student_passes(teacher, distill).back().at("source_sha1");
  if (!distill.teacher_sha1.empty() && distill.teacher_sha1 != sha1) {
    throw core::FieldError("distill.teacher_sha1",
                           core::cat("found ", distill.teacher_sha1, ", expected ", sha1,
                                     ", that of ", teacher.path.string()));
  }
  distill.teacher_sha1 = sha1;
  return options;
}

Distillation::Distillation(const DistillOptions& options, torch::Device device, Precision precision)
    : options_(options), device_(device), precision_(precision) {
  teacher_ = checkpoint::load_generator(checkpoint::read_trained(options_.teacher));
  for (auto& parameter : teacher_->parameters()) parameter.requires_grad_(false);
  teacher_->to(device_);
  const auto add = [this](const char* name, double weight) {
    if (weight == 0) return;
    names_.emplace_back(name);
    weights_.push_back(weight);
  };
  add("loss_output", options_.output);
  add("loss_feature", options_.feature);
}

std::vector<torch::Tensor> Distillation::terms(const models::Latents& latents,
                                               const Rendition& student) const {
  Rendition wanted;
  auto teacher = teacher_;
  {
    const torch::NoGradGuard no_grad;
    const Autocast autocast(device_, precision_);
    wanted.clips = teacher->forward(latents, {}, compares_stages() ? &wanted.stages : nullptr);
  }
  std::vector<torch::Tensor> values;
  if (options_.output > 0) {
    values.push_back(losses::output_loss(options_.output_loss, student.clips, wanted.clips));
  }
  if (!compares_stages()) return values;
  // One of them may have a stage of full size that the other lacks.
  const size_t shared = std::min(student.stages.size(), wanted.stages.size());
  const auto maps = [shared](const nn::StageOutputs& stages) {
    std::vector<torch::Tensor> all;
    for (size_t i = 0; i < shared; ++i) all.push_back(losses::spatial_attention(stages[i]));
    return all;
  };
  values.push_back(losses::feature_loss(maps(student.stages), maps(wanted.stages)));
  return values;
}

void Distillation::take_over(models::VideoGeneratorImpl& student) const {
  const torch::NoGradGuard no_grad;
  auto known = teacher_->named_parameters();
  for (auto& item : student.named_parameters()) {
    if (item.key().compare(0, 6, "frame.") == 0) continue;
    item.value().copy_(known[item.key()]);
    item.value().requires_grad_(false);
  }
}

}  // namespace vidgen::train
