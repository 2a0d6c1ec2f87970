#pragma once

#include <CLI/CLI.hpp>

namespace vidgen::cli {

/// Declares `data preview`, which shows the clips that training sees.
void add_preview(CLI::App& data);

}  // namespace vidgen::cli
