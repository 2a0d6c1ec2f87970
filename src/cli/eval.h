#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "vidgen/checkpoint/checkpoint.h"
#include "vidgen/metrics/class_scores.h"
#include "vidgen/metrics/scores.h"

/// What `vidgen eval` found, and the forms in which it says so.
namespace vidgen::cli {

struct Evaluation {
  checkpoint::Checkpoint checkpoint;
  /// Where the real clips come from, in words: "held-out clips of street".
  std::string real_clips;
  int64_t seed = 0;
  metrics::ClipSets clips;
  std::vector<metrics::Score> scores;
  /// Of each class with enough clips; none without classes.
  std::vector<metrics::ClassScores> class_scores;
  /// What the reader has to know to judge the numbers, a sentence each.
  std::vector<std::string> notes;
};

/// A table for the terminal.
std::string evaluation_text(const Evaluation& evaluation);
core::Json evaluation_json(const Evaluation& evaluation);
/// A page with clips of both kinds, the table and a histogram of each quantity.
void write_evaluation_page(const Evaluation& evaluation, const std::filesystem::path& path);

}  // namespace vidgen::cli
