#include <ATen/record_function.h>
#include <torch/csrc/autograd/profiler_kineto.h>
#include <torch/csrc/profiler/stubs/base.h>

#include <array>
#include <chrono>
#include <optional>

#include "parts.h"
#include "vidgen/bench/bench.h"
#include "vidgen/core/files.h"
#include "vidgen/core/resources.h"
#include "vidgen/infer/generator.h"
#include "vidgen/models/pixels.h"
#include "vidgen/models/summary.h"
#include "vidgen/train/device.h"

namespace vidgen::bench {
namespace {

using core::cat;

using Clock = std::chrono::steady_clock;

constexpr std::array<const char*, 7> kPhaseNames{"data",
                                                 "generator_forward",
                                                 "discriminator_forward",
                                                 "discriminator_backward",
                                                 "optimizer",
                                                 "generator_backward",
                                                 "ema"};

/// Adds up how long each phase of the steps took.
class PhaseClock {
 public:
  explicit PhaseClock(torch::Device device) : device_(device) {}

  void begin(train::Phase phase) {
    stop();
    current_ = static_cast<size_t>(phase);
    started_ = Clock::now();
    running_ = true;
  }
  void stop() {
    if (!running_) return;
    synchronize(device_);
    seconds_[current_] += std::chrono::duration<double>(Clock::now() - started_).count();
    running_ = false;
  }

  /// Seconds a step, and the share of all.
  core::Json json(int64_t steps) const {
    double total = 0;
    for (const double seconds : seconds_) total += seconds;
    core::Json phases;
    for (size_t i = 0; i < seconds_.size(); ++i) {
      phases[kPhaseNames[i]] = {{"seconds", seconds_[i] / static_cast<double>(steps)},
                                {"share", seconds_[i] / total}};
    }
    return phases;
  }

 private:
  const torch::Device device_;
  std::array<double, kPhaseNames.size()> seconds_{};
  size_t current_ = 0;
  Clock::time_point started_;
  bool running_ = false;
};

/// Shows the phases to who watches the program: as ranges of LibTorch's profiler, and of NVTX
/// (Nsight Systems) in the CUDA build.
class PhaseRanges {
 public:
  PhaseRanges() = default;
  PhaseRanges(const PhaseRanges&) = delete;
  PhaseRanges& operator=(const PhaseRanges&) = delete;
  ~PhaseRanges() { end(); }

  void begin(train::Phase phase) {
    end();
    const char* name = kPhaseNames[static_cast<size_t>(phase)];
    if (nvtx_->enabled()) nvtx_->rangePush(name);
    range_.emplace(at::RecordScope::USER_SCOPE);
    if (range_->isActive()) range_->before(name);
  }
  void end() {
    if (!range_) return;
    range_.reset();
    if (nvtx_->enabled()) nvtx_->rangePop();
  }

 private:
  const torch::profiler::impl::ProfilerStubs* nvtx_ = torch::profiler::impl::cudaStubs();
  std::optional<at::RecordFunction> range_;
};

double sum(const std::vector<models::LayerRow>& rows) {
  double flops = 0;
  for (const auto& row : rows) flops += row.flops;
  return flops;
}

/// A backward pass is two forward passes: one for the gradients of inputs, one for those of
/// weights. Not needed, and not counted: the gradients of a discriminator's input in its own turn,
/// and of its weights in the generator's. A penalty is a forward pass, the gradient of the input,
/// and the backward passes of both. The median of steps that have it now and then does not have it.
double step_flops(train::GanStep& gan, const train::RunOptions& options) {
  const auto shape = train::seen_shape(options);
  auto generator = gan.generator();
  const bool generated_twice = options.train.accumulate > 1 && options.is_adversarial();
  const auto& loss = options.loss;
  double flops = (generated_twice ? 4 : 3) * sum(models::summarize(*generator, shape));
  if (auto teacher = gan.teacher()) flops += sum(models::summarize(*teacher, shape));
  const int penalties =
      loss.penalty_every > 1 ? 0 : (loss.r1 > 0) + (loss.r2 > 0) + (loss.gradient_penalty > 0);
  const int passes = (losses::compares_with_real(loss.type) ? 3 : 2) + 6 * penalties;
  for (const auto& discriminator : gan.discriminators()) {
    const auto rows = models::summarize(*discriminator, shape);
    flops += 2 * (3 * sum(rows) - rows.front().flops) + passes * sum(rows);
  }
  return flops * static_cast<double>(options.train.batch_size * options.train.accumulate);
}

core::Json layers(const std::vector<ConvolutionTimes>& all) {
  core::Json rows = core::Json::array();
  for (const auto& times : all) {
    core::Json row{{"name", times.name}, {"flops", times.flops}, {"bytes", times.bytes}};
    const auto add = [&](const char* direction, const Samples& samples) {
      row[direction] = {{"seconds", samples.median()},
                        {"flops_per_second", times.flops / samples.median()}};
    };
    add("forward", times.forward);
    add("input_gradient", times.input_gradient);
    add("weight_gradient", times.weight_gradient);
    rows.push_back(std::move(row));
  }
  return rows;
}

core::Json setting(const Training& training, const train::RunOptions& options) {
  return {{"device", training.device.str()},
          {"precision", train::precision_name(training.gan->precision())},
          {"threads", at::get_num_threads()},
          {"batch_size", options.train.batch_size * options.train.accumulate}};
}

/// The averaged generator, compiled.
core::Json bench_compiled(train::GanStep& gan, const train::RunOptions& options,
                          const Repeats& repeats, torch::Device device) {
  const auto shape = train::clip_shape(options.data);
  core::Json report = core::Json::object();
  for (const auto precision : {infer::Precision::kFloat32, infer::Precision::kBfloat16}) {
    if (!infer::can_compute(precision, device)) continue;
    const infer::CompiledGenerator generator(gan.ema_generator(), shape, {}, {precision, device});
    report[infer::precision_name(precision)] =
        time_rendering(generator, options.train.batch_size, repeats, device);
  }
  return report;
}

void add_state(checkpoint::Tensors& out, const std::string& prefix, train::GanStep& gan) {
  checkpoint::StateSaver state;
  gan.visit(state);
  for (const auto& [name, tensor] : state.tensors)
    out[prefix + name] = tensor.detach().to(torch::kCPU).contiguous().clone();
}

/// What the step computed on: all but the clips is a function of the seed and the step, so it can
/// be drawn again.
void add_inputs(checkpoint::Tensors& out, const train::StepInputs& inputs) {
  if (inputs.real.clips.defined()) {
    out["in.clips"] = models::mirror_clips(inputs.real.clips, inputs.real.mirror);
  }
  out["in.content"] = inputs.latents.content;
  out["in.noise"] = inputs.latents.noise;
  out["in.initial"] = inputs.latents.initial;
  if (inputs.real_timestamps.defined()) {
    out["in.times.real"] = inputs.real_timestamps;
    out["in.times.fake"] = inputs.latents.timestamps;
  }
  inputs.latents.condition.for_each(
      [&out](const char* name, const torch::Tensor& part) { out[cat("in.", name)] = part; });
  const auto add_frames = [&out](const char* turn, const std::vector<torch::Tensor>& frames) {
    for (size_t i = 0; i < frames.size(); ++i) {
      if (frames[i].defined()) out[cat("in.frames.", turn, ".", i)] = frames[i];
    }
  };
  add_frames("real", inputs.real_frames);
  add_frames("fake", inputs.fake_frames);
  for (size_t i = 0; i < inputs.mix.size(); ++i) out[cat("in.mix.", i)] = inputs.mix[i];
  const auto add_augment = [&out](const char* turn, const train::AugmentDraws& draws) {
    if (!draws.chance.defined()) return;
    out[cat("in.augment.", turn, ".color")] = draws.color;
    out[cat("in.augment.", turn, ".translation")] = draws.translation;
    out[cat("in.augment.", turn, ".cutout")] = draws.cutout;
    out[cat("in.augment.", turn, ".chance")] = draws.chance;
  };
  add_augment("real", inputs.real_augment);
  add_augment("fake", inputs.fake_augment);
}

}  // namespace

core::Json bench_train(const train::RunOptions& options, const Repeats& repeats) {
  Training training(options);
  const auto ceiling =
      measure_roofline(training.device, train::scalar_type(training.gan->precision()));
  PhaseClock phases(training.device);
  const int64_t warm_ups =
      options.train.cuda_graph ? repeats.warmup + training.first_steps() : repeats.warmup;
  measure([&] { training.step(); }, {warm_ups, 0}, training.device);
  training.gan->observe_phases([&](train::Phase phase) { phases.begin(phase); });
  const auto samples = measure(
      [&] {
        training.step();
        phases.stop();
      },
      {0, repeats.repeats}, training.device);
  training.gan->observe_phases({});
  const uint64_t memory = core::peak_memory_bytes();

  core::Json report = setting(training, options);
  const double flops = step_flops(*training.gan, options);
  const double rate = flops / samples.median();
  report["step_seconds"] = samples.json();
  report["clips_per_second"] = report["batch_size"].get<double>() / samples.median();
  report["flops"] = flops;
  report["flops_per_second"] = rate;
  report["ceiling"] = {{"convolution", ceiling.convolution},
                       {"gemm", ceiling.gemm},
                       {"bandwidth", ceiling.bandwidth}};
  report["share_of_ceiling"] = rate / std::max(ceiling.convolution, ceiling.gemm);
  report["peak_memory"] = memory;
  // A CUDA graph has none.
  if (!options.train.cuda_graph) report["phases"] = phases.json(repeats.repeats);
  report["convolutions"] =
      layers(time_convolutions(*training.gan, options, training.device, {1, 3}));
  return report;
}

core::Json bench_generate(const train::RunOptions& options, const Repeats& repeats) {
  const auto device = train::resolve_device(options.train.device);
  train::set_up_libtorch(options.train);
  train::GanStep gan(train::completed(options), device);
  const auto shape = train::clip_shape(options.data);
  const int64_t clips = options.train.batch_size;
  auto random = train::random_stream(options.train.seed, "bench", 0);
  auto latents = models::draw_latents(options.model.temporal, clips, shape.frames, random);
  latents.condition = models::ConditionSampler(gan.generator()->options.condition).in_turn(clips);
  auto generator = gan.ema_generator();
  const auto samples = measure([&] { models::render(generator, latents); }, repeats, device);
  const double flops = sum(models::summarize(*generator, shape)) * static_cast<double>(clips);
  const auto ceiling = measure_roofline(device, torch::kFloat);
  const double frames = static_cast<double>(clips * shape.frames);
  return {{"device", device.str()},
          {"precision", "float32"},
          {"threads", at::get_num_threads()},
          {"clips", clips},
          {"batch_seconds", samples.json()},
          {"clips_per_second", static_cast<double>(clips) / samples.median()},
          {"frames_per_second", frames / samples.median()},
          {"flops", flops},
          {"flops_per_second", flops / samples.median()},
          {"ceiling", {{"convolution", ceiling.convolution}, {"gemm", ceiling.gemm}}},
          {"compiled", bench_compiled(gan, options, repeats, device)},
          {"peak_memory", core::peak_memory_bytes()}};
}

void trace_training(const train::RunOptions& options, const std::filesystem::path& out) {
  namespace profiler = torch::autograd::profiler;
  core::check_can_create(out);
  Training training(options);
  for (int64_t i = training.first_steps(); i > 0; --i) training.step();
  const profiler::ProfilerConfig config(profiler::ProfilerState::KINETO,
                                        /*report_input_shapes=*/true);
  std::set<profiler::ActivityType> activities{profiler::ActivityType::CPU};
  if (training.device.is_cuda()) activities.insert(profiler::ActivityType::CUDA);
  profiler::prepareProfiler(config, activities);
  profiler::enableProfiler(config, activities);
  PhaseRanges ranges;
  training.gan->observe_phases([&](train::Phase phase) { ranges.begin(phase); });
  for (int64_t i = 0; i < 2; ++i) {
    training.step();
    ranges.end();
  }
  training.gan->observe_phases({});
  synchronize(training.device);
  core::AtomicFile file(out);
  profiler::disableProfiler()->save(file.temporary().string());
  file.commit();
}

void write_step(const train::RunOptions& options, const std::filesystem::path& out) {
  if (options.train.accumulate != 1) {
    throw Error(
        cat("train.accumulate: found ", options.train.accumulate, ", expected 1 to write a step"));
  }
  core::check_can_create(out);
  Training training(options);
  checkpoint::Tensors tensors;
  add_state(tensors, "before.", *training.gan);
  auto clips = training.loader ? training.loader->next() : data::Batch();
  add_inputs(tensors, train::StepDraws(options, 0).next(clips));
  training.gan->run(0, [&] { return clips; });
  training.gan->calibrate();  // as before a checkpoint
  add_state(tensors, "after.", *training.gan);
  const auto metrics = training.gan->metrics().to(torch::kCPU);
  for (size_t i = 0; i < training.gan->metric_names().size(); ++i) {
    tensors["metric." + training.gan->metric_names()[i]] = metrics[static_cast<int64_t>(i)].clone();
  }
  checkpoint::write_safetensors(out, tensors, {});
}

}  // namespace vidgen::bench
