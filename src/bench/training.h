#pragma once

#include <memory>
#include <optional>

#include "vidgen/data/cache.h"
#include "vidgen/data/loader.h"
#include "vidgen/train/device.h"
#include "vidgen/train/device_feed.h"
#include "vidgen/train/gan_step.h"

namespace vidgen::bench {

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
