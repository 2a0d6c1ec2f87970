#include "vidgen/bench/bench.h"
#include "vidgen/core/files.h"
#include "vidgen/data/cache.h"
#include "vidgen/data/loader.h"
#include "vidgen/train/device_feed.h"
#include "vidgen/video/reader.h"

namespace vidgen::bench {
namespace {

core::Json rate(int64_t frames, const Samples& samples) {
  return {{"frames", frames},
          {"seconds", samples.median()},
          {"frames_per_second", static_cast<double>(frames) / samples.median()}};
}

/// Decodes a video from its first frame to its last in one thread, without making pictures of it.
core::Json time_decoding(const std::filesystem::path& path) {
  int64_t frames = 0;
  const auto decode = [&] {
    video::VideoReader reader(path);
    for (frames = 0; reader.skip();) ++frames;
  };
  const auto samples = measure(decode, {0, 1}, torch::kCPU);
  return rate(frames, samples);
}

/// Makes the clip cache of one video, from opening the file to the cache on the disk.
core::Json time_caching(data::DataOptions options, const data::CachedVideo& video) {
  const core::TemporaryFolder folder;
  options.sources = {{video.entry.path.string(), 1}};
  options.cache_dir = folder.path().string();
  return rate(video.report.frames_read,
              measure([&] { data::prepare_clips(options); }, {0, 1}, torch::kCPU));
}

}  // namespace

core::Json bench_load(const train::RunOptions& options, const Repeats& repeats) {
  const auto cache = data::prepare_clips(options.data);
  const auto dataset =
      std::make_shared<data::ClipDataset>(options.data, cache, data::Split::kTrain);
  data::ClipLoader loader(dataset, train::loader_options(options, torch::kCPU));
  const auto samples = measure([&] { loader.next(); }, repeats, torch::kCPU);
  const auto clips = static_cast<double>(options.train.batch_size);
  const auto bytes = clips * static_cast<double>(dataset->clip_bytes());
  const data::CachedVideo& video = cache.videos.front();
  return {{"workers", options.data.workers},
          {"batch_size", options.train.batch_size},
          {"batch_seconds", samples.json()},
          {"clips_per_second", clips / samples.median()},
          {"bytes_per_second", bytes / samples.median()},
          {"video", video.entry.path.string()},
          {"decoding", time_decoding(video.entry.path)},
          {"caching", time_caching(options.data, video)}};
}

}  // namespace vidgen::bench
