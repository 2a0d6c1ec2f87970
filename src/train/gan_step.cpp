#include "vidgen/train/gan_step.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "vidgen/losses/adversarial.h"
#include "vidgen/models/pixels.h"
#include "vidgen/nn/cuda_graph.h"
#include "vidgen/nn/init.h"
#include "vidgen/nn/layout.h"
#include "vidgen/nn/threads.h"
#include "vidgen/train/device.h"
#include "vidgen/train/penalties.h"
#include "vidgen/train/schedule.h"

namespace vidgen::train {
namespace {

using core::cat;

/// Clips that the statistics of the averaged generator are taken from.
constexpr int64_t kCalibrationClips = 32;

bool scales(const TrainOptions& options, Precision precision) {
  return options.scaler.mode == ScalerMode::kOn ||
         (options.scaler.mode == ScalerMode::kAuto && precision == Precision::kFloat16);
}

void set_requires_grad(torch::nn::Module& module, bool requires_grad) {
  for (auto& parameter : module.parameters()) parameter.requires_grad_(requires_grad);
}

torch::Tensor total_norm(const std::vector<torch::Tensor>& gradients) {
  return torch::stack(at::_foreach_norm(gradients)).norm();
}

// The probability of being real where logits are log-odds, otherwise the mean logit.
torch::Tensor score(losses::LossType type, const torch::Tensor& logits) {
  const auto values = logits.detach().to(torch::kFloat);
  return (type == losses::LossType::kNonSaturating ? values.sigmoid() : values).mean();
}

torch::Tensor real_clips(const StepInputs& inputs) {
  const auto& clips = inputs.real.clips;
  const auto& timestamps = inputs.real_timestamps;
  return models::to_float(timestamps.defined() ? models::select_frames(clips, timestamps) : clips,
                          inputs.real.mirror);
}

/// Without an adversarial term there are no discriminators, nor what belongs to them.
RunOptions without_idle_parts(RunOptions options) {
  if (options.is_adversarial()) return options;
  options.model.discriminators.clear();
  options.loss = {};
  options.augment = {};
  return options;
}

template <class Module>
void prepare(Module& module, nn::Init init, int64_t seed, int64_t index, torch::Device device) {
  nn::initialize(module, init, random_stream(seed, "init", index));
  nn::to_channels_last(module);
  module.to(device);
  module.train();
}

}  // namespace

GanStep::GanStep(const RunOptions& options, torch::Device device)
    : options_(without_idle_parts(options)),
      shape_(clip_shape(options.data)),
      device_(device),
      precision_(resolve_precision(options.train.precision, device)),
      augmentation_(options_.augment, device),
      discriminator_losses_(torch::zeros({0}, torch::TensorOptions(device).dtype(torch::kFloat))) {
  const auto& train = options_.train;
  check_cuda_graph(options_, device_);
  const auto condition = options_.model.condition();
  TORCH_CHECK(!options_.is_adversarial() || (condition.classes > 0) == options_.data.classes,
              "data.classes is ", options_.data.classes, " with ", condition.classes,
              " names of classes");
  const auto init = options_.model.init;
  generator_ = models::make_generator(options_.model, shape_);
  prepare(*generator_, init, train.seed, 0, device_);
  if (options_.distill.enabled()) {
    distillation_ = std::make_unique<const Distillation>(options_.distill, device_, precision_);
    distillation_->take_over(*generator_);
  }

  std::vector<std::pair<std::string, torch::Tensor>> weights;
  const auto seen = seen_shape(options_);
  for (size_t i = 0; i < options_.model.discriminators.size(); ++i) {
    auto discriminator =
        models::make_discriminator(options_.model.discriminators[i], seen, condition);
    prepare(*discriminator, init, train.seed, static_cast<int64_t>(i) + 1, device_);
    for (auto& item : discriminator->named_parameters())
      weights.emplace_back(cat(i, ".", item.key()), item.value());
    discriminators_.push_back(std::move(discriminator));
  }
  discriminator_optimizer_ = std::make_unique<Adam>(weights, options_.optim.discriminator);
  weights.clear();
  for (auto& item : generator_->named_parameters()) {
    if (item.value().requires_grad()) weights.emplace_back(item.key(), item.value());
  }
  generator_optimizer_ = std::make_unique<Adam>(weights, options_.optim.generator);

  generator_scaler_ =
      std::make_unique<GradScaler>(train.scaler, scales(train, precision_), device_);
  discriminator_scaler_ =
      std::make_unique<GradScaler>(train.scaler, scales(train, precision_), device_);
  ema_ = std::make_unique<nn::Ema>(*generator_, train.ema);
  name_discriminators();
  set_metrics(no_scores());
  if (train.cuda_graph) graph_ = std::make_unique<nn::CudaGraph>(device_, kGraphWarmUps);
}

GanStep::~GanStep() = default;

models::ClipBatch GanStep::MicroBatch::real_batch(size_t discriminator) const {
  return {real, inputs.real_frames[discriminator], inputs.real_timestamps,
          inputs.latents.condition};
}

models::ClipBatch GanStep::MicroBatch::fake_batch(size_t discriminator,
                                                  const torch::Tensor& clips) const {
  const auto& latents = inputs.latents;
  return {clips, inputs.fake_frames[discriminator], latents.timestamps, latents.condition};
}

void GanStep::generate(MicroBatch& micro_batch) {
  Rendition made;
  const bool with_stages = distillation_ && distillation_->compares_stages();
  {
    const Autocast autocast(device_, precision_);
    made.clips =
        generator_->forward(micro_batch.inputs.latents, {}, with_stages ? &made.stages : nullptr);
  }
  micro_batch.fake = augmentation_.apply(made.clips, micro_batch.inputs.fake_augment);
  if (distillation_) micro_batch.rendition = std::move(made);
}

void GanStep::discriminator_pass(MicroBatch& micro_batch, bool penalise, Scores& scores) {
  const bool once = options_.train.accumulate == 1;
  micro_batch.real =
      augmentation_.apply(real_clips(micro_batch.inputs), micro_batch.inputs.real_augment);
  micro_batch.inputs.real = {};
  begin(Phase::kGeneratorForward);
  {
    // With one batch its clips serve the generator's pass too; with several their graphs would not
    // fit in memory.
    const torch::AutoGradMode keep_graph(once);
    generate(micro_batch);
  }
  discriminate(micro_batch, penalise, scores);
  if (!losses::compares_with_real(options_.loss.type)) micro_batch.real.reset();
  if (once) return;
  micro_batch.fake = micro_batch.fake.detach();
  micro_batch.rendition = {};
}

void GanStep::discriminate(const MicroBatch& micro_batch, bool penalise, Scores& scores) {
  const auto type = options_.loss.type;
  begin(Phase::kDiscriminatorForward);
  torch::Tensor total;
  std::vector<torch::Tensor> terms;
  for (size_t i = 0; i < discriminators_.size(); ++i) {
    auto& discriminator = *discriminators_[i];
    const auto real = micro_batch.real_batch(i),
               fake = micro_batch.fake_batch(i, micro_batch.fake.detach());
    torch::Tensor real_logits, fake_logits;
    {
      const Autocast autocast(device_, precision_);
      std::tie(real_logits, fake_logits) = discriminator.compare(real, fake);
    }
    const auto loss = losses::discriminator_loss(type, real_logits, fake_logits);
    total = total.defined() ? total + loss : loss;
    scores.losses[i] += loss.detach();
    scores.real[i] += score(type, real_logits);
    scores.fake[i] += score(type, fake_logits);
    if (scores.real_sign.defined()) {
      scores.real_sign += real_logits.detach().sign().to(torch::kFloat).mean();
    }
    if (!penalise) continue;
    const auto mix = micro_batch.inputs.mix.empty() ? torch::Tensor() : micro_batch.inputs.mix[i];
    const auto values = penalties(options_.loss, discriminator, real, fake, mix);
    for (size_t j = 0; j < values.size(); ++j) scores.penalties[j] += values[j].detach();
    terms.insert(terms.end(), values.begin(), values.end());
  }
  const auto batches = static_cast<double>(options_.train.accumulate);
  total = total / batches;
  for (const auto& term : terms) total = total + term / batches;
  begin(Phase::kDiscriminatorBackward);
  discriminator_scaler_->scale(total).backward();
}

torch::Tensor GanStep::adversarial_loss(const MicroBatch& micro_batch) {
  torch::Tensor total;
  for (size_t i = 0; i < discriminators_.size(); ++i) {
    auto& discriminator = *discriminators_[i];
    torch::Tensor real_logits, fake_logits;
    {
      const Autocast autocast(device_, precision_);
      if (micro_batch.real.defined())
        real_logits = discriminator.forward(micro_batch.real_batch(i));
      fake_logits = discriminator.forward(micro_batch.fake_batch(i, micro_batch.fake));
    }
    const auto loss = losses::generator_loss(options_.loss.type, real_logits, fake_logits) *
                      discriminator.options.weight;
    total = total.defined() ? total + loss : loss;
  }
  return total;
}

torch::Tensor GanStep::with_teaching(torch::Tensor loss, const MicroBatch& micro_batch,
                                     Scores& scores) const {
  if (!distillation_) return loss;
  if (loss.defined()) loss = loss * options_.distill.adversarial;
  const auto terms = distillation_->terms(micro_batch.inputs.latents, micro_batch.rendition);
  for (size_t i = 0; i < terms.size(); ++i) {
    scores.taught[i] += terms[i].detach();
    const auto term = terms[i] * distillation_->weights()[i];
    loss = loss.defined() ? loss + term : term;
  }
  return loss;
}

torch::Tensor GanStep::generator_pass(MicroBatch& micro_batch, Scores& scores) {
  begin(Phase::kGeneratorForward);
  if (!micro_batch.fake.defined() || !micro_batch.fake.requires_grad()) generate(micro_batch);
  const auto total = with_teaching(adversarial_loss(micro_batch), micro_batch, scores) /
                     static_cast<double>(options_.train.accumulate);
  begin(Phase::kGeneratorBackward);
  generator_scaler_->scale(total).backward();
  return total.detach();
}

torch::Tensor GanStep::update(Adam& optimizer, GradScaler& scaler) {
  begin(Phase::kOptimizer);
  torch::NoGradGuard no_grad;
  const auto gradients = optimizer.gradients();
  scaler.unscale(gradients);
  auto norm = total_norm(gradients);
  if (options_.optim.clip_grad_norm > 0) {
    at::_foreach_mul_(gradients, (options_.optim.clip_grad_norm / (norm + 1e-6)).clamp_max(1));
  }
  optimizer.step(scaler.enabled() ? std::optional(scaler.found_inf()) : std::nullopt);
  scaler.update();
  optimizer.zero_grad();
  return norm;
}

void GanStep::set_learning_rates(int64_t step) {
  const double factor = lr_factor(options_.optim, step, options_.train.steps);
  discriminator_optimizer_->set_lr_factor(factor);
  generator_optimizer_->set_lr_factor(factor);
}

void GanStep::adapt_augmentation(const Scores& scores) {
  if (!options_.augment.adapts()) return;
  const int64_t batches = options_.train.accumulate;
  const auto count = static_cast<int64_t>(discriminators_.size());
  augmentation_.update(scores.real_sign / (batches * count), options_.train.batch_size * batches);
}

void GanStep::compute(const NextInputs& next_inputs, bool penalise) {
  const int64_t batches = options_.train.accumulate;
  const bool adversarial = !discriminators_.empty();
  auto scores = no_scores();
  std::vector<MicroBatch> micro_batches;
  for (int64_t batch = 0; batch < batches; ++batch) {
    begin(Phase::kData);
    auto& micro_batch = micro_batches.emplace_back(MicroBatch{next_inputs(), {}, {}, {}});
    if (adversarial) discriminator_pass(micro_batch, penalise, scores);
  }
  if (adversarial)
    scores.discriminator_norm = update(*discriminator_optimizer_, *discriminator_scaler_);

  // Frozen, so that their weight gradients are not computed only to be thrown away.
  for (auto& discriminator : discriminators_) set_requires_grad(*discriminator, false);
  for (auto& micro_batch : micro_batches) {
    scores.generator_loss += generator_pass(micro_batch, scores);
    micro_batch = {};
  }
  for (auto& discriminator : discriminators_) set_requires_grad(*discriminator, true);
  scores.generator_norm = update(*generator_optimizer_, *generator_scaler_);
  if (adversarial) adapt_augmentation(scores);
  set_metrics(scores);
}

void GanStep::run(int64_t step, const NextClips& next_clips) {
  const nn::ThreadsApart apart(device_.is_cpu());
  calibrated_ = false;
  set_learning_rates(step);
  StepDraws draws(options_, step);
  const auto next_inputs = [&] {
    return draws.next(discriminators_.empty() ? data::Batch() : next_clips()).to(device_);
  };
  const bool penalise = options_.loss.has_penalties() && step % options_.loss.penalty_every == 0;
  if (graph_) {
    if (graph_inputs_) {
      graph_inputs_->copy_(next_inputs());
    } else {
      graph_inputs_ = next_inputs();
    }
    graph_->run([&] { compute([this] { return *graph_inputs_; }, penalise); });
  } else {
    compute(next_inputs, penalise);
  }
  begin(Phase::kEma);
  apply_masks();
  ema_->update(*generator_, options_.train.batch_size * options_.train.accumulate);
}

void GanStep::calibrate() {
  if (std::exchange(calibrated_, true)) return;
  nn::recompute_batch_norm(*ema_->module(), [&] {
    const models::ConditionSampler conditions(options_.model.condition());
    auto random = random_stream(options_.train.seed, "calibrate", 0);
    const int64_t batch = std::min(options_.train.batch_size, kCalibrationClips);
    for (int64_t clips = 0; clips < kCalibrationClips; clips += batch) {
      const Autocast autocast(device_, precision_);
      auto latents = models::draw_latents(options_.model.temporal, batch, shape_.frames, random);
      latents.condition = conditions.in_turn(batch, clips);
      ema_generator()->forward(latents.to(device_));
    }
  });
}

void GanStep::set_masks(checkpoint::Tensors masks) {
  const auto parameters = generator_->named_parameters();
  for (auto& [name, mask] : masks) {
    const auto* parameter = parameters.find(name);
    if (!parameter || parameter->sizes() != mask.sizes()) {
      throw Error(cat("mask of ", name, " ", mask.sizes(), ": the generator has ",
                      parameter ? cat("shape ", parameter->sizes()) : "no such weight"));
    }
    mask = mask.to(device_);
  }
  masks_ = std::move(masks);
  apply_masks();
}

void GanStep::apply_masks() {
  if (masks_.empty()) return;
  torch::NoGradGuard no_grad;
  auto parameters = generator_->named_parameters();
  auto averages = ema_->module()->named_parameters();
  for (const auto& [name, mask] : masks_) {
    parameters[name].mul_(mask);
    averages[name].mul_(mask);
  }
}

void GanStep::visit(checkpoint::StateVisitor& visitor) {
  visitor.module("generator", *generator_);
  visitor.module("ema", *ema_->module());
  visitor.counter("ema.seen", ema_->seen());
  for (size_t i = 0; i < discriminators_.size(); ++i)
    visitor.module(cat("discriminator.", i), *discriminators_[i]);
  generator_optimizer_->visit(visitor, "optimizer.generator");
  discriminator_optimizer_->visit(visitor, "optimizer.discriminator");
  generator_scaler_->visit(visitor, "scaler.generator");
  discriminator_scaler_->visit(visitor, "scaler.discriminator");
  augmentation_.visit(visitor, "augment");
  for (auto& [name, mask] : masks_) visitor.tensor("mask." + name, mask);
}

}  // namespace vidgen::train
