#pragma once

#include <CLI/CLI.hpp>

namespace vidgen::cli {

/// Declares `vidgen bench quality` on `vidgen bench`.
void add_bench_quality(CLI::App& bench);

}  // namespace vidgen::cli
