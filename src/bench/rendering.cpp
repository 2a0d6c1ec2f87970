#include "rendering.h"

#include <ATen/Parallel.h>
#include <malloc.h>

#include "program.h"
#include "vidgen/bench/bench.h"
#include "vidgen/core/error.h"
#include "vidgen/core/files.h"
#include "vidgen/core/memory.h"

namespace vidgen::bench {

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

}  // namespace vidgen::bench
