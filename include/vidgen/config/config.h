#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "vidgen/config/yaml.h"
#include "vidgen/train/options.h"

namespace vidgen::config {

/// The whole YAML file.
using Config = train::RunOptions;

/// What the command line changes in a configuration.
struct Changes {
  /// "a.b=VALUE", applied in their order as set_config_key() does.
  std::vector<std::string> assignments{};
  /// Files and folders that take the place of data.sources, by their names as they are.
  std::vector<std::string> sources{};
  /// Takes the place of distill.teacher, where it is not "".
  std::string teacher{};
};

/// Reads and validates a configuration with its changes. Where its networks are for clips of
/// another size than data.size they are scaled (models::scale_networks()), but for keys that an
/// assignment names, and widths above 64x64 that are not given are named; `scaled`, if given,
/// becomes a line that says so, or "". Throws vidgen::Error naming the file, line, column and key,
/// what was found and what was expected.
Config read_config(const std::filesystem::path& path, const Changes& changes = {},
                   std::string* scaled = nullptr);

/// set_key() for the tree of a configuration. The value of a key that is text or a path is taken as
/// it stands unless all of it is quoted; data.sources is YAML where it begins with [ or { and is
/// not the name of a file or folder.
void set_config_key(YamlTree& tree, const std::string& assignment);

/// The resolved configuration, every key with its value.
std::string to_yaml(const Config& config);

/// Every key with type, default, range and meaning, for people.
std::string explain_config();

}  // namespace vidgen::config
