#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "vidgen/train/options.h"

namespace vidgen::config {

/// The whole YAML file.
using Config = train::RunOptions;

/// Reads and validates a configuration; `assignments` ("a.b=VALUE") are applied first, in their
/// order. Throws vidgen::Error naming the file, line, column and key, what was found and what was
/// expected.
Config read_config(const std::filesystem::path& path,
                   const std::vector<std::string>& assignments = {});

/// The resolved configuration, every key with its value.
std::string to_yaml(const Config& config);

/// Every key with type, default, range and meaning, for people.
std::string explain_config();

}  // namespace vidgen::config
