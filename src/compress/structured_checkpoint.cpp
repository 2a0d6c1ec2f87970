#include "vidgen/compress/structured_checkpoint.h"

#include <algorithm>
#include <numeric>

#include "psnr.h"
#include "vidgen/nn/batch_norm.h"

namespace vidgen::compress {
namespace {

constexpr int64_t kBatch = 4;
/// Batches that the statistics of a smaller generator are taken from, and that it is judged by.
/// Both have seeds of their own.
constexpr int64_t kCalibrationBatches = 4;
constexpr int64_t kTestBatches = 2;
constexpr uint64_t kCalibrationSeed = 1000;
constexpr uint64_t kTestSeed = 2000;

/// Clips [B,C,T,H,W] of batch number `batch` of a seed.
torch::Tensor clips_of(models::VideoGenerator& generator, const models::ClipShape& shape,
                       uint64_t seed, int64_t batch) {
  const auto& options = generator->options;
  auto latents = models::sample_latents(options.temporal, kBatch, shape.frames,
                                        seed + static_cast<uint64_t>(batch));
  latents.condition = models::ConditionSampler(options.condition).in_turn(kBatch, batch * kBatch);
  return generator->forward(latents);
}

void calibrate(models::VideoGenerator& generator, const models::ClipShape& shape) {
  nn::recompute_batch_norm(*generator, [&] {
    for (int64_t batch = 0; batch < kCalibrationBatches; ++batch)
      clips_of(generator, shape, kCalibrationSeed, batch);
  });
}

torch::Tensor test_clips(models::VideoGenerator& generator, const models::ClipShape& shape) {
  const torch::NoGradGuard no_grad;
  std::vector<torch::Tensor> clips;
  for (int64_t batch = 0; batch < kTestBatches; ++batch)
    clips.push_back(clips_of(generator, shape, kTestSeed, batch));
  return torch::cat(clips);
}

void take_channels(checkpoint::Checkpoint& checkpoint, const std::vector<ChannelGroup>& groups,
                   const KeptChannels& kept, const std::vector<int64_t>& widths) {
  slice_channels(checkpoint.file.tensors, groups, kept, checkpoint.path.string());
  checkpoint.config["model"]["generator"]["widths"] = widths;
}

/// Tries out generators with fewer channels.
class Trials {
 public:
  Trials(const checkpoint::Checkpoint& checkpoint, Importance importance)
      : original_(checkpoint::load_generator(checkpoint)),
        options_(checkpoint::model_options(checkpoint)),
        shape_(checkpoint.clip),
        groups_(channel_groups(original_)),
        widths_(models::resolved_widths(options_.generator, shape_)) {
    weights_.path = checkpoint.path;
    weights_.kind = checkpoint::Kind::kWeights;
    weights_.config = checkpoint.config;
    weights_.clip = checkpoint.clip;
    const auto tensors = checkpoint.tensors_under(checkpoint.generator_prefix());
    for (const auto& [name, tensor] : tensors)
      weights_.file.tensors[weights_.generator_prefix() + name] = tensor;
    if (importance == Importance::kTaylor) {
      importance_ = taylor_importance(original_, groups_, shape_);
    } else {
      const auto measure = importance == Importance::kL1 ? l1_importance : norm_importance;
      for (const auto& group : groups_) importance_.push_back(measure(tensors, group));
    }
    wanted_ = test_clips(original_, shape_);
  }

  const std::vector<ChannelGroup>& groups() const { return groups_; }
  const std::vector<int64_t>& widths() const { return widths_; }
  int64_t parameters() const { return models::parameter_count(*original_); }
  FrameFlops flops() { return {models::summarize(*original_, shape_), groups_, options_, shape_}; }
  KeptChannels channels(const std::vector<int64_t>& widths) const {
    return choose_channels(groups_, importance_, widths);
  }

  /// The mean square by which the clips of another generator differ.
  double error_of(models::VideoGenerator& generator) const {
    return (test_clips(generator, shape_) - wanted_).square().mean().item<double>();
  }

  /// Measures what a stage's channels are worth, and describes it.
  ErrorCurve measure(size_t stage, StageRow& row) const {
    row.resolution = int64_t{4} << stage;
    row.width = widths_[stage];
    ErrorCurve curve(row.width);
    const int64_t blocks = groups_.at(stage).blocks;
    auto widths = widths_;
    double error = 0;
    for (const double share : kSensitivityShares) {
      const auto left = std::llround((1 - share) * static_cast<double>(row.width));
      const int64_t width = std::max<int64_t>(1, left / blocks) * blocks;
      if (width < widths[stage]) {
        widths[stage] = width;
        auto smaller = generator_of(widths);
        error = error_of(smaller);
        curve.add(width, error);
      }
      row.psnr.push_back(psnr_of(error));
    }
    return curve;
  }

 private:
  models::VideoGenerator generator_of(const std::vector<int64_t>& widths) const {
    auto trial = weights_;
    take_channels(trial, groups_, channels(widths), widths);
    auto generator = checkpoint::load_generator(trial);
    calibrate(generator, shape_);
    return generator;
  }

  models::VideoGenerator original_;
  const models::ModelOptions options_;
  const models::ClipShape shape_;
  const std::vector<ChannelGroup> groups_;
  const std::vector<int64_t> widths_;
  /// The original as a weights file.
  checkpoint::Checkpoint weights_;
  /// Of each group's channels.
  std::vector<torch::Tensor> importance_;
  /// The original's clips.
  torch::Tensor wanted_;
};

}  // namespace

StructuredReport prune_structured(checkpoint::Checkpoint& checkpoint,
                                  const StructuredOptions& options) {
  Trials trials(checkpoint, options.importance);
  StructuredReport report;
  std::vector<ErrorCurve> curves;
  for (size_t stage = 0; stage < trials.widths().size(); ++stage)
    curves.push_back(trials.measure(stage, report.stages.emplace_back()));

  const auto flops = trials.flops();
  auto allocation = options.allocation;
  for (const auto& group : trials.groups()) {
    allocation.multiple = std::lcm(allocation.multiple, group.blocks);
    allocation.min_width = std::max(allocation.min_width, allocation.multiple);
  }
  const auto widths = allocate_widths(trials.widths(), curves, flops, allocation);
  for (size_t stage = 0; stage < widths.size(); ++stage) report.stages[stage].kept = widths[stage];
  report.flops_before = flops(trials.widths());
  report.flops_after = flops(widths);
  report.parameters_before = trials.parameters();

  take_channels(checkpoint, trials.groups(), trials.channels(widths), widths);
  auto generator = checkpoint::load_generator(checkpoint);
  if (widths != trials.widths()) {
    calibrate(generator, checkpoint.clip);
    for (const auto& item : generator->named_buffers())
      checkpoint.file.tensors[checkpoint.generator_prefix() + item.key()] = item.value();
  }
  report.parameters_after = models::parameter_count(*generator);
  report.psnr = psnr_of(trials.error_of(generator));
  return report;
}

double psnr_between(const checkpoint::Checkpoint& original, const checkpoint::Checkpoint& other) {
  auto one = checkpoint::load_generator(original), two = checkpoint::load_generator(other);
  const auto difference = test_clips(one, original.clip) - test_clips(two, original.clip);
  return psnr_of(difference.square().mean().item<double>());
}

}  // namespace vidgen::compress
