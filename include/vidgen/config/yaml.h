#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "vidgen/core/json.h"

namespace vidgen::config {

/// A YAML file as a tree, and where each of its keys stands.
struct YamlTree {
  core::Json tree;
  /// "FILE:LINE:COLUMN" by the dotted path of a key ("model.discriminators[0].widths").
  std::map<std::string, std::string> places;

  /// Where the key is, or its nearest enclosing key that is in the file.
  std::string place(std::string path) const;
};

/// Throws vidgen::Error naming file, line and column for a file that is missing, larger than 1 MiB
/// or not YAML, for duplicate keys, merge keys, cyclic aliases, and trees of more than 10,000 nodes
/// (aliases expanded).
YamlTree read_yaml(const std::filesystem::path& path);

/// As read_yaml(), from text; `name` stands for the file in messages.
YamlTree parse_yaml(const std::string& text, const std::string& name);

/// Sets one key of the tree from "a.b[0].c=VALUE" (or "a.b.0.c=VALUE"), VALUE being YAML. Sections
/// on the way are created. Throws vidgen::Error quoting the assignment when it is malformed or its
/// path runs through a value that is no section.
void set_key(YamlTree& tree, const std::string& assignment);

/// The tree as YAML text that read_yaml() reads back to the same tree.
std::string write_yaml(const core::Json& tree);

}  // namespace vidgen::config
