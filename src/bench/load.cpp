#include "vidgen/bench/bench.h"
#include "vidgen/data/cache.h"
#include "vidgen/data/loader.h"
#include "vidgen/video/reader.h"

namespace vidgen::bench {
namespace {

/// Reads a video from its first frame to its last.
core::Json time_decoding(const std::filesystem::path& path) {
  int64_t frames = 0;
  const auto samples = measure(
      [&] {
        video::VideoReader reader(path);
        video::Frame frame;
        for (frames = 0; reader.read(frame);) ++frames;
      },
      {0, 1}, torch::kCPU);
  return {{"video", path.string()},
          {"frames", frames},
          {"seconds", samples.median()},
          {"frames_per_second", static_cast<double>(frames) / samples.median()}};
}

}  // namespace

core::Json bench_load(const train::RunOptions& options, const Repeats& repeats) {
  const auto cache = data::prepare_clips(options.data);
  const auto dataset =
      std::make_shared<data::ClipDataset>(options.data, cache, data::Split::kTrain);
  data::ClipLoaderOptions loading;
  loading.batch_size = options.train.batch_size;
  loading.seed = static_cast<uint64_t>(options.train.seed);
  loading.workers = options.data.workers;
  data::ClipLoader loader(dataset, loading);
  const auto samples = measure([&] { loader.next(); }, repeats, torch::kCPU);
  const auto clips = static_cast<double>(options.train.batch_size);
  const auto bytes = clips * static_cast<double>(dataset->clip_bytes());
  return {{"workers", options.data.workers},
          {"batch_size", options.train.batch_size},
          {"batch_seconds", samples.json()},
          {"clips_per_second", clips / samples.median()},
          {"bytes_per_second", bytes / samples.median()},
          {"decoding", time_decoding(cache.videos.front().entry.path)}};
}

}  // namespace vidgen::bench
