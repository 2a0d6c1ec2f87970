#include "vidgen/compress/structured.h"

#include <ATen/CPUGeneratorImpl.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "psnr.h"
#include "vidgen/core/error.h"
#include "vidgen/core/random.h"
#include "vidgen/core/text.h"
#include "vidgen/nn/ema.h"

namespace vidgen::compress {
namespace {

using core::cat;

/// Sums of everything that lies at each index of a dimension: float64 [size].
torch::Tensor sums_along(const torch::Tensor& tensor, int64_t dim) {
  return tensor.detach()
      .to(torch::kDouble)
      .transpose(0, dim)
      .reshape({tensor.size(dim), -1})
      .sum(1);
}

torch::Tensor weight_of(const checkpoint::Tensors& weights, const std::string& name) {
  const auto found = weights.find(name);
  TORCH_CHECK(found != weights.end(), "the generator has no ", name);
  return found->second;
}

/// <v, clip> for the latents of a seed.
torch::Tensor projection(models::VideoGenerator& generator, const models::ClipShape& shape,
                         int64_t seed) {
  const auto& options = generator->options;
  const auto number = static_cast<uint64_t>(seed);
  auto latents = models::sample_latents(options.temporal, 1, shape.frames, number);
  latents.condition = models::ConditionSampler(options.condition).in_turn(1, seed);
  const auto clips = generator->forward(latents);
  const auto direction =
      torch::empty(clips.sizes(), torch::kFloat)
          .normal_(0, 1, at::detail::createCPUGenerator(core::derive_seed(number, "taylor")));
  return (clips * direction).sum();
}

/// The parameters that scale the channels of some group.
std::vector<torch::Tensor> scaling_parameters(const models::VideoGenerator& generator,
                                              const std::vector<ChannelGroup>& groups) {
  const auto parameters = generator->named_parameters();
  std::vector<torch::Tensor> found;
  for (const auto& group : groups) {
    for (const auto& place : group.places) {
      if (place.scales) found.push_back(parameters[place.tensor]);
    }
  }
  return found;
}

/// The largest width below `width` that a stage may have; 0 for none.
int64_t next_width(int64_t width, const AllocationOptions& options) {
  const int64_t next = (width - 1) / options.multiple * options.multiple;
  return next >= options.min_width ? next : 0;
}

/// Widths of at most `wanted`, or the least that may be.
std::vector<int64_t> by_sensitivity(const std::vector<int64_t>& widths,
                                    const std::vector<ErrorCurve>& curves, const Flops& flops,
                                    double wanted, const AllocationOptions& options) {
  auto result = widths;
  double now = flops(widths);
  while (now > wanted) {
    double best = HUGE_VAL;
    std::vector<int64_t> chosen;
    for (size_t i = 0; i < result.size(); ++i) {
      auto candidate = result;
      candidate[i] = next_width(result[i], options);
      if (candidate[i] == 0) continue;
      const double error = curves.at(i).at(candidate[i]) - curves[i].at(result[i]);
      const double price = error / (now - flops(candidate));
      if (price >= best && !chosen.empty()) continue;
      best = price;
      chosen = std::move(candidate);
    }
    if (chosen.empty()) break;
    result = std::move(chosen);
    now = flops(result);
  }
  return result;
}

/// Likewise.
std::vector<int64_t> uniform_widths(const std::vector<int64_t>& widths, const Flops& flops,
                                    double wanted, const AllocationOptions& options) {
  constexpr int64_t kShares = 1000;
  auto result = widths;
  for (int64_t share = kShares; share > 0 && flops(result) > wanted; --share) {
    for (size_t i = 0; i < widths.size(); ++i) {
      const int64_t part = widths[i] * share, unit = kShares * options.multiple;
      const int64_t width =
          std::max((2 * part + unit) / (2 * unit) * options.multiple, options.min_width);
      // One that loses nothing need not be a multiple.
      if (width < widths[i]) result[i] = width;
    }
  }
  return result;
}

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

torch::Tensor l1_importance(const checkpoint::Tensors& weights, const ChannelGroup& group) {
  auto made = torch::zeros({group.channels}, torch::kDouble), read = made.clone();
  for (const auto& place : group.places) {
    if (place.role == ChannelRole::kOther) continue;
    auto& sum = place.role == ChannelRole::kMakes ? made : read;
    sum += sums_along(weight_of(weights, place.tensor).abs(), place.dim);
  }
  // Of weights that are all zero none has a share.
  const auto shares = [](const torch::Tensor& sum) { return sum / sum.sum().clamp_min(1e-300); };
  return shares(made) + shares(read);
}

torch::Tensor norm_importance(const checkpoint::Tensors& weights, const ChannelGroup& group) {
  if (group.norm.empty()) return l1_importance(weights, group);
  return weight_of(weights, group.norm + ".weight").detach().to(torch::kDouble).abs();
}

std::vector<torch::Tensor> taylor_importance(models::VideoGenerator& generator,
                                             const std::vector<ChannelGroup>& groups,
                                             const models::ClipShape& shape, int64_t batches) {
  const auto parameters = scaling_parameters(generator, groups);
  std::vector<torch::Tensor> importance;
  for (const auto& group : groups)
    importance.push_back(torch::zeros({group.channels}, torch::kDouble));
  for (int64_t batch = 0; batch < batches; ++batch) {
    const auto gradients = torch::autograd::grad({projection(generator, shape, batch)}, parameters);
    size_t next = 0;
    for (size_t i = 0; i < groups.size(); ++i) {
      auto derivative = torch::zeros({groups[i].channels}, torch::kDouble);
      for (const auto& place : groups[i].places) {
        if (!place.scales) continue;
        derivative += sums_along(parameters[next].detach() * gradients[next], place.dim);
        ++next;
      }
      importance[i] += derivative.square() / static_cast<double>(batches);
    }
  }
  return importance;
}

torch::Tensor most_important(const torch::Tensor& importance, int64_t count, int64_t blocks) {
  TORCH_CHECK(importance.numel() % blocks == 0 && count % blocks == 0, "expected ",
              importance.numel(), " and ", count, " channels to be multiples of ", blocks);
  const auto order = importance.view({blocks, -1})
                         .argsort(/*stable=*/true, /*dim=*/1,
                                  /*descending=*/true);
  const auto first = torch::arange(blocks).unsqueeze(1) * (importance.numel() / blocks);
  return std::get<0>((order.narrow(1, 0, count / blocks) + first).flatten().sort());
}

KeptChannels choose_channels(const std::vector<ChannelGroup>& groups,
                             const std::vector<torch::Tensor>& importance,
                             const std::vector<int64_t>& widths) {
  KeptChannels kept;
  for (size_t i = 0; i < groups.size(); ++i) {
    const int64_t width = channels_at(groups[i], widths.at(groups[i].stage));
    kept.push_back(most_important(importance.at(i), width, groups[i].blocks));
  }
  return kept;
}

void ErrorCurve::add(int64_t width, double error) {
  TORCH_CHECK(width < knots_.back().width, "expected a width below ", knots_.back().width,
              ", found ", width);
  const auto lost = static_cast<double>(knots_.back().width - width);
  const double least = knots_.size() > 1 ? slope(knots_.size() - 2) : 0;
  knots_.push_back({width, std::max(error, knots_.back().error + least * lost)});
}

double ErrorCurve::slope(size_t knot) const {
  const auto& wide = knots_[knot];
  const auto& narrow = knots_[knot + 1];
  return (narrow.error - wide.error) / static_cast<double>(wide.width - narrow.width);
}

double ErrorCurve::at(int64_t width) const {
  if (knots_.size() == 1) return 0;
  size_t knot = 0;
  while (knot + 2 < knots_.size() && width < knots_[knot + 1].width) ++knot;
  return knots_[knot].error + slope(knot) * static_cast<double>(knots_[knot].width - width);
}

std::vector<int64_t> allocate_widths(const std::vector<int64_t>& widths,
                                     const std::vector<ErrorCurve>& curves, const Flops& flops,
                                     const AllocationOptions& options) {
  if (!(options.sparsity >= 0 && options.sparsity < 1)) {
    throw Error(cat("sparsity: found ", options.sparsity, ", expected a number in [0, 1)"));
  }
  const double before = flops(widths), wanted = (1 - options.sparsity) * before;
  const auto result = options.allocation == Allocation::kUniform
                          ? uniform_widths(widths, flops, wanted, options)
                          : by_sensitivity(widths, curves, flops, wanted, options);
  const double after = flops(result);
  if (after <= wanted) return result;
  throw Error(cat("sparsity: found ", options.sparsity, ", expected at most ",
                  core::format_number(1 - after / before, 3), ": no stage may have less than ",
                  options.min_width, " channels"));
}

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
