#pragma once

#include <torch/types.h>

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "vidgen/core/json.h"
#include "vidgen/infer/generator.h"
#include "vidgen/train/options.h"

/// What `vidgen bench` measures. Each returns its figures as a JSON object: times in seconds, rates
/// in a second, sizes in bytes.
namespace vidgen::bench {

/// How often something is run: first without, then with a clock.
struct Repeats {
  int64_t warmup = 2;
  int64_t repeats = 10;
};

/// Seconds that the repeats of one thing took.
struct Samples {
  std::vector<double> seconds;

  double median() const;
  /// {"median":, "min":, "max":, "repeats":}, in seconds.
  core::Json json() const;
};

/// Waits until the device has done what it was given.
void synchronize(torch::Device device);

/// Runs `work` again and again; the clock stops when the device is done.
Samples measure(const std::function<void()>& work, const Repeats& repeats, torch::Device device);

/// As measure(), of several things in turn, so that what slows the machine down for a while slows
/// all of them.
std::vector<Samples> measure_in_turn(const std::vector<std::function<void()>>& works,
                                     const Repeats& repeats, torch::Device device);

/// Training steps on the configuration's data: time by phase, clips, operations (counted from the
/// layers) against the machine's ceiling, peak memory, and each convolution for itself.
core::Json bench_train(const train::RunOptions& options, const Repeats& repeats);

/// Rendering batches of clips with the configuration's generator: by the network itself, and
/// ("compiled") by infer::CompiledGenerator in each precision that the machine has, in batches and
/// ("frame_seconds") as a stream of single frames.
core::Json bench_generate(const train::RunOptions& options, const Repeats& repeats);

/// Rendering `clips` clips at once with the generator of a file or a run's folder, and a stream of
/// single frames where its frames do not look at each other, on the CPU. Throws vidgen::Error when
/// the file cannot be read or played in this precision.
core::Json bench_render(const std::filesystem::path& run_or_file, infer::Precision precision,
                        int64_t clips, const Repeats& repeats);

/// The loader for itself: batches from the clip cache; decoding the first video anew, in one
/// thread, and making its clip cache, in a temporary folder.
core::Json bench_load(const train::RunOptions& options, const Repeats& repeats);

/// A value that a metric of metrics::score_names() is to reach: as near to its ideal, or nearer.
struct Target {
  std::string metric;
  double value = 0;
};

/// What bench_quality() trains until.
struct QualityOptions {
  /// All of them are to be met in one evaluation.
  std::vector<Target> targets{};
  /// Runs, each with the seed after that of the one before.
  int64_t seeds = 2;
  /// Of a run, evaluations included; 0 does not limit.
  double max_minutes = 0;
  /// Where they leave their files, each in a folder "seed-N"; "" keeps none.
  std::filesystem::path run_dir{};
  /// Called with what each run is made of before its first step, when its folder is there.
  std::function<void(const train::RunOptions&)> begin{};
};

/// How long train::Trainer trains until an evaluation of the averaged generator meets all targets,
/// for each seed, and the median of the seeds. "minutes" is the time from the first step to the end
/// of that evaluation with all that a run does, "training_minutes" the same without evaluations;
/// both are null where the targets were not met in the time, or training diverged. Throws
/// vidgen::Error where nothing is evaluated, or a folder holds a run already, and as
/// train::Trainer, and core::Stopped where a stop was asked for.
core::Json bench_quality(const train::RunOptions& options, const QualityOptions& quality);

/// Starting `program`: its help, and a run of one training step, from typing to its end.
core::Json bench_startup(const std::filesystem::path& program, const std::filesystem::path& config,
                         const Repeats& repeats);

/// Rendering `clips` clips at once with the generator of a file or a run's folder: what is resident
/// once it is loaded and has made its first frame, and by how much the peak of rendering exceeds
/// that. Its own process gives honest figures: in this one, memory that was freed before may be
/// used again. Throws vidgen::Error when the file cannot be read or not in this precision, or where
/// the system does not let a process reset its peak.
core::Json bench_memory(const std::filesystem::path& run_or_file, int64_t clips,
                        infer::Precision precision);

/// bench_memory() in a process of its own; `program` is vidgen.
core::Json bench_memory_apart(const std::filesystem::path& program,
                              const std::filesystem::path& run_or_file, int64_t clips,
                              infer::Precision precision);

/// Runs two training steps under LibTorch's profiler and writes what happened when as a Chrome
/// trace (chrome://tracing, ui.perfetto.dev); the phases are ranges in it. In the CUDA build they
/// are NVTX ranges too, for Nsight Systems. Throws vidgen::Error when the file cannot be written.
void trace_training(const train::RunOptions& options, const std::filesystem::path& out);

/// Runs the first training step and writes what went in and what came out as safetensors, so that
/// another implementation can be compared with it (tools/compare_pytorch.py): "before.*" and
/// "after.*", the state as in a checkpoint; "in.clips" uint8 [B,T,H,W,C]; "in.content", "in.noise",
/// "in.initial", the latents; "in.frames.real.<i>" and "in.frames.fake.<i>" [B,k], the frames that
/// discriminator i looks at; "in.times.real" and "in.times.fake" [B,k] with train.frames;
/// "in.labels" [B] with classes; "in.mix.<i>" with a gradient penalty; "in.augment.real.*" and
/// "in.augment.fake.*"; "metric.*" as in the log. The optimisers' first moments after the step
/// are the gradients times 1 - beta1. Throws vidgen::Error when train.accumulate is not 1 or the
/// file cannot be written.
void write_step(const train::RunOptions& options, const std::filesystem::path& out);

}  // namespace vidgen::bench
