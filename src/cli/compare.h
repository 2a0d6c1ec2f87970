#pragma once

#include <torch/types.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "vidgen/bench/bench.h"
#include "vidgen/infer/generator.h"
#include "vidgen/metrics/scores.h"
#include "vidgen/models/options.h"
#include "vidgen/nn/motion.h"

/// What `vidgen compare` found, and the forms in which it says so.
namespace vidgen::cli {

/// From the original's clips, made from the same latents.
struct Difference {
  /// metrics::psnr_between(), in decibels; infinite when the clips are equal.
  double psnr = 0;
  /// metrics::ssim_between().
  double ssim = 0;
};

struct ComparedModel {
  std::filesystem::path file;
  uint64_t bytes = 0;
  /// Numbers that are learned, whatever type they are stored as.
  int64_t parameters = 0;
  /// Floating-point operations of one clip, counted from the layers.
  double flops = 0;
  nn::TemporalOptions temporal;
  std::unique_ptr<infer::CompiledGenerator> generator;
  /// Seconds a frame takes where clips are rendered together.
  bench::Samples together;
  /// The same one frame at a time; no samples where the generator cannot.
  bench::Samples streaming;
  /// What rendering the clips together adds to the memory of a process (bench::bench_memory());
  /// nothing where it could not be measured.
  std::optional<uint64_t> memory;
  /// Nothing for the original, and where the latents have another shape.
  std::optional<Difference> difference;
  /// Against real clips; empty without.
  std::vector<metrics::Score> scores;
  /// The clips that are shown: uint8 RGB [N,T,H,W,3].
  torch::Tensor shown;
};

struct Comparison {
  /// The original first.
  std::vector<ComparedModel> models;
  models::ClipShape clip;
  int64_t seed = 0;
  /// Clips whose difference is measured.
  int64_t clips = 0;
  /// Clips that are rendered at once.
  int64_t batch = 0;
  /// Where the real clips come from, in words, and how many they are; none without data.
  std::string real_clips;
  int64_t real_count = 0;
  /// Of the real clips, in turn those of the clips that are compared; empty takes all in turn.
  std::vector<std::string> classes;
  /// What the reader has to know to judge the numbers, a sentence each.
  std::vector<std::string> notes;
};

/// Tables for the terminal.
std::string comparison_text(const Comparison& comparison);
core::Json comparison_json(const Comparison& comparison);
/// Writes side_by_side.mp4 (a row for each clip, a column for each model, headed by its number),
/// side_by_side.png (of each clip the first, the middle and the last frame, each by all models) and
/// compare.html, which needs neither. The folder is made if there is none.
void write_comparison(const Comparison& comparison, const std::filesystem::path& folder);

}  // namespace vidgen::cli
