#pragma once

#include <filesystem>

#include "vidgen/core/json.h"
#include "vidgen/data/options.h"

namespace vidgen::data {

/// What tells whether a video changed since it was decoded: its size and time of change; of
/// numbered pictures those of each, and their rate.
core::Json source_state(const std::filesystem::path& source, const DataOptions& options);

}  // namespace vidgen::data
