#include "vidgen/bench/bench.h"

#include <ATen/Parallel.h>
#include <fcntl.h>
#include <malloc.h>
#include <spawn.h>
#include <sys/wait.h>
#include <torch/cuda.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>

#include "parts.h"
#include "vidgen/core/error.h"
#include "vidgen/core/files.h"
#include "vidgen/core/resources.h"
#include "vidgen/data/cache.h"
#include "vidgen/data/loader.h"
#include "vidgen/train/device_feed.h"
#include "vidgen/video/reader.h"

namespace vidgen::bench {
namespace {

namespace fs = std::filesystem;
using core::cat;

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

/// Runs a program with its output thrown away; throws vidgen::Error unless it ends with 0.
void run_program(const fs::path& program, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), program.string());
  std::vector<char*> argv;
  for (auto& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t silence;
  ::posix_spawn_file_actions_init(&silence);
  for (const int stream : {STDOUT_FILENO, STDERR_FILENO})
    ::posix_spawn_file_actions_addopen(&silence, stream, "/dev/null", O_WRONLY, 0);
  pid_t child = 0;
  const int failure =
      ::posix_spawn(&child, program.c_str(), &silence, nullptr, argv.data(), environ);
  ::posix_spawn_file_actions_destroy(&silence);
  if (failure != 0) throw Error(cat(program.string(), ": ", std::strerror(failure)));
  int status = 0;
  ::waitpid(child, &status, 0);
  if (status != 0)
    throw Error(cat(program.string(), " ", arguments[1], ": failed, run it by hand"));
}

}  // namespace

double Samples::median() const {
  auto sorted = seconds;
  std::sort(sorted.begin(), sorted.end());
  const size_t middle = sorted.size() / 2;
  return sorted.size() % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

core::Json Samples::json() const {
  const auto [least, most] = std::minmax_element(seconds.begin(), seconds.end());
  return {{"median", median()}, {"min", *least}, {"max", *most}, {"repeats", seconds.size()}};
}

void synchronize(torch::Device device) {
  if (device.is_cuda()) torch::cuda::synchronize();
}

Samples measure(const std::function<void()>& work, const Repeats& repeats, torch::Device device) {
  return measure_in_turn({work}, repeats, device).front();
}

std::vector<Samples> measure_in_turn(const std::vector<std::function<void()>>& works,
                                     const Repeats& repeats, torch::Device device) {
  std::vector<Samples> samples(works.size());
  for (int64_t i = 0; i < repeats.warmup + repeats.repeats; ++i) {
    for (size_t k = 0; k < works.size(); ++k) {
      synchronize(device);
      const auto start = std::chrono::steady_clock::now();
      works[k]();
      synchronize(device);
      const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
      if (i >= repeats.warmup) samples[k].seconds.push_back(elapsed.count());
    }
  }
  return samples;
}

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

core::Json time_rendering(const infer::CompiledGenerator& generator, int64_t clips,
                          const Repeats& repeats, torch::Device device) {
  infer::RenderOptions render;
  render.count = render.batch = clips;
  const auto batches = measure([&] { generator.render(render); }, repeats, device);
  const double rate = static_cast<double>(clips) / batches.median();
  const int64_t frames = generator.shape().frames;
  core::Json report{{"batch_seconds", batches.json()},
                    {"clips_per_second", rate},
                    {"frames_per_second", rate * static_cast<double>(frames)}};
  if (generator.can_stream()) {
    auto stream = generator.stream();
    const Repeats single{frames, repeats.repeats * frames};
    report["frame_seconds"] = measure([&] { stream.next_frame(); }, single, device).json();
  }
  return report;
}

core::Json bench_render(const std::filesystem::path& run_or_file, infer::Precision precision,
                        int64_t clips, const Repeats& repeats) {
  const auto generator = infer::CompiledGenerator::load(run_or_file, {precision});
  auto report = time_rendering(generator, clips, repeats, torch::kCPU);
  report["precision"] = infer::precision_name(generator.precision());
  report["threads"] = at::get_num_threads();
  report["clips"] = clips;
  return report;
}

core::Json bench_memory(const std::filesystem::path& run_or_file, int64_t clips,
                        infer::Precision precision) {
  const auto generator = infer::CompiledGenerator::load(run_or_file, {precision});
  // The first frame brings in code and threads, which are the same for every generator.
  infer::RenderOptions render;
  render.frames = 1;
  generator.render(render);
  // What loading has freed would hide as much of what rendering takes.
  ::malloc_trim(0);
  const uint64_t loaded = core::resident_memory_bytes();
  if (!core::reset_peak_memory()) {
    throw Error("/proc/self/clear_refs: cannot be written, so the peak of memory is not known");
  }
  render.frames = 0;
  render.count = clips;
  render.batch = clips;
  generator.render(render);
  const uint64_t peak = core::peak_memory_bytes();
  return {{"clips", clips},
          {"frames", generator.shape().frames},
          {"loaded", loaded},
          {"rendering", peak > loaded ? peak - loaded : uint64_t{0}}};
}

core::Json bench_memory_apart(const std::filesystem::path& program,
                              const std::filesystem::path& run_or_file, int64_t clips,
                              infer::Precision precision) {
  constexpr uint64_t kMaxBytes = 1 << 20;
  const core::TemporaryFolder folder;
  const auto json = folder / "memory.json";
  run_program(program, {"bench", "memory", "--checkpoint", run_or_file.string(), "--clips",
                        std::to_string(clips), "--precision", infer::precision_name(precision),
                        "--json", json.string()});
  return core::parse_json(core::read_file(json, kMaxBytes));
}

core::Json bench_startup(const fs::path& program, const fs::path& config, const Repeats& repeats) {
  const auto time = [&](const std::vector<std::string>& arguments) {
    return measure([&] { run_program(program, arguments); }, repeats, torch::kCPU).json();
  };
  const core::TemporaryFolder folder;
  int64_t runs = 0;
  const auto first_step = measure(
      [&] {
        run_program(program, {"train", "--config", config.string(), "--run-dir",
                              (folder / std::to_string(runs++)).string(), "--set", "train.steps=1",
                              "--set", "train.sample_every=0"});
      },
      repeats, torch::kCPU);
  return {{"help", time({"--help"})},
          {"completion", time({"completion", "bash"})},
          {"config_explain", time({"config", "--explain"})},
          {"train_one_step", first_step.json()}};
}

}  // namespace vidgen::bench
