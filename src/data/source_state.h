#pragma once

#include <cstdint>
#include <filesystem>

#include "vidgen/core/json.h"
#include "vidgen/data/options.h"

namespace vidgen::data {

/// What tells whether a video changed since it was decoded: its size and time of change; of
/// numbered pictures those of each, and their rate.
core::Json source_state(const std::filesystem::path& source, const DataOptions& options);

/// A number that tells a video from others by its content: the size of its file and the bytes in
/// it, all of a small file, and of a large one its beginning, its end and pieces between them. Of
/// numbered pictures those of each in their order. Neither names nor times count. Throws
/// vidgen::Error where reading fails.
uint64_t fingerprint_of(const std::filesystem::path& source);

}  // namespace vidgen::data
