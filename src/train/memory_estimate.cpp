#include "vidgen/train/memory_estimate.h"

#include <ATen/DeviceAccelerator.h>

#include <algorithm>

#include "vidgen/core/log.h"
#include "vidgen/core/progress.h"
#include "vidgen/core/resources.h"
#include "vidgen/models/summary.h"
#include "vidgen/train/gan_step.h"

namespace vidgen::train {
namespace {

using core::cat;

/// Penalties keep the graph of the discriminators' gradients as well.
constexpr double kPenaltyFactor = 1.5;
/// Of what clips look like that are moved and fade (warp_fade).
constexpr double kFadeCopies = 24;
/// In bfloat16 and float16 a part stays float32.
constexpr double kHalfShare = 0.6;
/// With train.recompute.
constexpr double kRecomputedShare = 0.8;
/// By as much an estimate can be too high, and so a run be refused that would fit.
constexpr double kUncertainty = 1.5;
/// From here on a run may not fit.
constexpr double kNearlyFull = 0.8;

/// Numbers that the layers put out, of one type of layer or of all.
double values_of(const std::vector<models::LayerRow>& rows, const std::string& type = "") {
  double values = 0;
  for (const auto& row : rows) {
    if (!type.empty() && row.type != type) continue;
    double layer = 1;
    for (const int64_t length : row.output) layer *= static_cast<double>(length);
    values += layer;
  }
  return values;
}

/// What the generator keeps of a clip, in numbers.
double kept_by_generator(const RunOptions& options, const std::vector<models::LayerRow>& rows) {
  const auto& network = options.model.generator;
  const double kept = models::frame_generator_type(network.type).kept_copies * values_of(rows);
  return network.warp_fade ? kept + kFadeCopies * values_of(rows, "Warp") : kept;
}

double kept_by_discriminator(const RunOptions& options, const models::DiscriminatorOptions& network,
                             const std::vector<models::LayerRow>& rows) {
  const double copies = models::discriminator_network(network).kept_copies;
  return copies * (options.loss.has_penalties() ? kPenaltyFactor : 1) * values_of(rows);
}

double clip_values(const models::ClipShape& shape) {
  return static_cast<double>(shape.frames * shape.size * shape.size * shape.channels);
}

void check_part(double needed, const core::FreeMemory& left, const std::string& words,
                const std::string& advice) {
  const auto found = cat("the run takes ", words, ", ", core::format_bytes(left.bytes),
                         " are free ", left.limit, "; lower ", advice);
  const auto bytes = static_cast<double>(left.bytes);
  if (needed > kUncertainty * bytes) throw Error("out of memory: " + found);
  if (needed > kNearlyFull * bytes) core::log_warning("memory may not suffice: " + found);
}

std::string step_advice(const MemoryEstimate& estimate, uint64_t left) {
  const double rest = kNearlyFull * static_cast<double>(left) -
                      static_cast<double>(estimate.total() - estimate.step());
  const auto fitting = static_cast<int64_t>(rest / static_cast<double>(estimate.clip));
  return cat("train.batch_size",
             fitting > 0 && fitting < estimate.batch_size ? cat(" to ", fitting) : "",
             ", train.frames, data.size or the widths in model, or set train.recompute=true");
}

}  // namespace

MemoryEstimate estimate_memory(const RunOptions& options, GanStep& gan) {
  const auto seen = seen_shape(options), whole = clip_shape(options.data);
  const auto& train = options.train;
  MemoryEstimate estimate;
  estimate.batch_size = train.batch_size;
  double parameters = static_cast<double>(models::parameter_count(*gan.generator()));
  double kept = kept_by_generator(options, models::summarize(*gan.generator(), seen));
  for (const auto& discriminator : gan.discriminators()) {
    parameters += static_cast<double>(models::parameter_count(*discriminator));
    kept += kept_by_discriminator(options, discriminator->options,
                                  models::summarize(*discriminator, seen));
  }
  if (train.recompute) kept *= kRecomputedShare;
  if (gan.precision() != Precision::kFloat32) kept *= kHalfShare;
  // Clips themselves are float32: real and generated ones, augmented, and their gradients.
  constexpr double kClipCopies = 6;
  estimate.clip = static_cast<uint64_t>(4 * (kept + kClipCopies * clip_values(seen)));
  // Gradients, and two averages.
  estimate.optimizers = static_cast<uint64_t>(3 * 4 * parameters);
  const double pixels = clip_values(whole);
  estimate.loader = static_cast<uint64_t>(static_cast<double>(2 * options.data.workers + 1) *
                                          static_cast<double>(train.batch_size) * pixels);
  if (train.evaluate.every > 0) {
    // Sets of generated, real and other real clips, and one of them again as RGB.
    estimate.evaluation = static_cast<uint64_t>(4 * static_cast<double>(train.evaluate.clips) * 3 *
                                                pixels / whole.channels);
  }
  return estimate;
}

std::string memory_words(const MemoryEstimate& estimate) {
  auto text = cat("about ", core::format_bytes(estimate.total()), " (",
                  core::format_bytes(estimate.step()), " for a step of ", estimate.batch_size,
                  " clips, ", core::format_bytes(estimate.optimizers), " for the optimisers, ",
                  core::format_bytes(estimate.loader), " for batches read ahead");
  if (estimate.evaluation > 0)
    text += cat(", ", core::format_bytes(estimate.evaluation), " for evaluations");
  return text + ")";
}

void check_memory(const MemoryEstimate& estimate, torch::Device device) {
  const auto host = core::free_memory();
  const auto on_device =
      static_cast<double>(estimate.optimizers) + static_cast<double>(estimate.step());
  const auto on_host =
      static_cast<double>(estimate.loader) + static_cast<double>(estimate.evaluation);
  const auto words = memory_words(estimate);
  const std::string host_advice = "train.batch_size, data.workers or train.evaluate.clips";
  if (device.is_cuda()) {
    const core::FreeMemory left{
        at::getDeviceAllocator(device.type())->getMemoryInfo(device.index()).first,
        cat("on ", device.str())};
    check_part(on_device, left, words, step_advice(estimate, left.bytes));
    check_part(on_host, host, words, host_advice);
    return;
  }
  check_part(on_device + on_host, host, words,
             on_device > on_host ? step_advice(estimate, host.bytes) : host_advice);
}

}  // namespace vidgen::train
