#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "vidgen/bench/bench.h"
#include "vidgen/data/cache.h"
#include "vidgen/data/loader.h"
#include "vidgen/train/device.h"
#include "vidgen/train/device_feed.h"
#include "vidgen/train/gan_step.h"

namespace vidgen::bench {

/// What this machine reaches where nothing is in the way, in operations a second: the ceiling that
/// a step is compared with.
struct Roofline {
  /// A 3x3 convolution of 256 to 256 channels, channels_last.
  double convolution = 0;
  /// A product of two square matrices of 2048 rows.
  double gemm = 0;
  /// Bytes a second, read and written, of copying 64 MiB.
  double bandwidth = 0;
};
Roofline measure_roofline(torch::Device device, at::ScalarType type);

/// One convolution of a network, run for itself on a batch as in training.
struct ConvolutionTimes {
  /// "generator.frame.main.0".
  std::string name;
  /// Floating-point operations of each direction.
  double flops = 0;
  /// Bytes that each direction has to read and write at least.
  double bytes = 0;
  Samples forward, input_gradient, weight_gradient;
};
/// All convolutions of the generator and the discriminators, in the order in which they run.
std::vector<ConvolutionTimes> time_convolutions(train::GanStep& gan,
                                                const train::RunOptions& options,
                                                torch::Device device, const Repeats& repeats);

/// Rendering `clips` clips at once and, where it can, a stream of single frames: "batch_seconds",
/// "clips_per_second", "frames_per_second", "frame_seconds".
core::Json time_rendering(const infer::CompiledGenerator& generator, int64_t clips,
                          const Repeats& repeats, torch::Device device);

/// The step and what feeds it, as in a run, but without a run's folder.
struct Training {
  explicit Training(const train::RunOptions& options)
      : device(train::resolve_device(options.train.device)),
        graph(options.train.cuda_graph),
        gan(make(options, device)) {
    if (!options.is_adversarial()) return;
    const auto cache = data::prepare_clips(options.data);
    loader = std::make_unique<data::ClipLoader>(
        std::make_shared<data::ClipDataset>(options.data, cache, data::Split::kTrain),
        train::loader_options(options, device));
    feed.emplace([this] { return loader->next(); }, device);
  }
  // The feed refers to it.
  Training(const Training&) = delete;
  Training& operator=(const Training&) = delete;

  /// Steps that take longer than all later ones.
  int64_t first_steps() const { return graph ? train::GanStep::kGraphWarmUps + 1 : 1; }
  void step() {
    gan->run(count++, [this] { return feed->next(); });
    if (feed) feed->prefetch();
  }

  torch::Device device;
  bool graph;
  std::unique_ptr<train::GanStep> gan;
  /// These two where a step reads clips.
  std::unique_ptr<data::ClipLoader> loader;
  std::optional<train::DeviceFeed> feed;
  int64_t count = 0;

 private:
  static std::unique_ptr<train::GanStep> make(const train::RunOptions& options,
                                              torch::Device device) {
    train::set_up_libtorch(options.train);
    return std::make_unique<train::GanStep>(train::completed(options), device);
  }
};

}  // namespace vidgen::bench
