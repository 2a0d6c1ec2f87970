#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "vidgen/core/json.h"

/// Whether files are as they were written.
namespace vidgen::cli {

struct Verdict {
  std::filesystem::path file;
  /// What is wrong with it; "" where nothing is.
  std::string problem{};
  /// Whether it has checksums. Without, only what cannot be read is a problem.
  bool has_checksums = true;
};

/// Reads all of a file; of a run's folder the best and all other checkpoints and the weights; of a
/// folder of clip caches all of them. Throws vidgen::Error where there is nothing of the kind.
std::vector<Verdict> verify(const std::filesystem::path& place);

/// A line for each file.
std::string format_verdicts(const std::vector<Verdict>& verdicts);
core::Json verdicts_json(const std::vector<Verdict>& verdicts);

/// Throws vidgen::Error when there is a problem.
void refuse_problems(const std::vector<Verdict>& verdicts);

}  // namespace vidgen::cli
