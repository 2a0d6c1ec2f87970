#pragma once

#include <filesystem>
#include <string>

#include "vidgen/checkpoint/safetensors.h"

/// Files that people give in place of a checkpoint.
namespace vidgen::checkpoint {

/// Throws vidgen::Error for a file that is known, by its first bytes, to be something else than
/// safetensors, saying what it is and what to do with it.
void refuse_foreign(const std::filesystem::path& path);

/// What a safetensors file without our metadata is, if that is known; else what is expected. Both
/// to be added to a message.
std::string what_else(const Metadata& metadata);

}  // namespace vidgen::checkpoint
