#pragma once

#include <filesystem>
#include <string>

#include "vidgen/core/json.h"
#include "vidgen/data/manifest.h"
#include "vidgen/data/options.h"

namespace vidgen::data {

/// What tells whether a video changed since it was decoded: its size and time of change; of
/// numbered pictures those of each, and their rate.
core::Json source_state(const std::filesystem::path& source, const DataOptions& options);

/// A text that changes with the videos of the sources, by their places inside them and their sizes,
/// but not with where the sources are.
std::string identity_of(const std::vector<ManifestEntry>& videos);

}  // namespace vidgen::data
