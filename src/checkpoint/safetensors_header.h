#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "vidgen/checkpoint/safetensors.h"

namespace vidgen::checkpoint {

inline constexpr uint64_t kPrefixBytes = 8;
/// The limit of the reference implementation.
inline constexpr uint64_t kMaxHeaderBytes = 100'000'000;
/// What LibTorch's loops over elements can do with.
inline constexpr size_t kMostDimensions = 64;
inline constexpr const char* kMetadataName = "__metadata__";

/// A name as it may stand in a message: in quotes, on one line, whatever its characters.
std::string quoted(const std::string& name);

/// Parses and checks the JSON of a header that is followed by `data_bytes` of data. `path` is for
/// messages; data_offset stays 0.
SafetensorsHeader parse_header(std::string_view json, uint64_t data_bytes,
                               const std::filesystem::path& path);

}  // namespace vidgen::checkpoint
