#pragma once

#include <filesystem>

#include "vidgen/bench/samples.h"
#include "vidgen/core/json.h"
#include "vidgen/train/options.h"

/// What `vidgen bench` measures. Each returns its figures as a JSON object: times in seconds, rates
/// in a second, sizes in bytes.
namespace vidgen::bench {

/// Training steps on the configuration's data: time by phase, clips, operations (counted from the
/// layers) against the machine's ceiling, peak memory, and each convolution for itself.
core::Json bench_train(const train::RunOptions& options, const Repeats& repeats);

/// Rendering batches of clips with the configuration's generator.
core::Json bench_generate(const train::RunOptions& options, const Repeats& repeats);

/// The loader for itself: batches from the clip cache, and decoding the first video anew.
core::Json bench_load(const train::RunOptions& options, const Repeats& repeats);

/// Starting `program`: its help, and a run of one training step, from typing to its end.
core::Json bench_startup(const std::filesystem::path& program, const std::filesystem::path& config,
                         const Repeats& repeats);

/// Runs two training steps under LibTorch's profiler and writes what happened when as a Chrome
/// trace (chrome://tracing, ui.perfetto.dev). Throws vidgen::Error when the file cannot be written.
void trace_training(const train::RunOptions& options, const std::filesystem::path& out);

}  // namespace vidgen::bench
