#pragma once

#include <memory>

#include "vidgen/data/cache.h"
#include "vidgen/data/loader.h"
#include "vidgen/train/gan_step.h"

namespace vidgen::bench {

/// The step and what feeds it, as in a run, but without a run's folder.
struct Training {
  explicit Training(const train::RunOptions& options)
      : device(train::resolve_device(options.train.device)), gan(make(options, device)) {
    const auto cache = data::prepare_clips(options.data);
    data::ClipLoaderOptions loading;
    loading.batch_size = options.train.batch_size;
    loading.seed = static_cast<uint64_t>(options.train.seed);
    loading.workers = options.data.workers;
    loading.pin_memory = device.is_cuda();
    loader = std::make_unique<data::ClipLoader>(
        std::make_shared<data::ClipDataset>(options.data, cache, data::Split::kTrain), loading);
  }
  void step() {
    gan->run(count++, [this] { return loader->next(); });
  }

  torch::Device device;
  std::unique_ptr<train::GanStep> gan;
  std::unique_ptr<data::ClipLoader> loader;
  int64_t count = 0;

 private:
  static std::unique_ptr<train::GanStep> make(const train::RunOptions& options,
                                              torch::Device device) {
    if (options.train.threads > 0) at::set_num_threads(static_cast<int>(options.train.threads));
    return std::make_unique<train::GanStep>(options, device);
  }
};

}  // namespace vidgen::bench
