#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <set>
#include <string>

#include "vidgen/core/json.h"

namespace vidgen::config {

/// A YAML file as a tree, and where each of its keys stands.
struct YamlTree {
  core::Json tree;
  /// "FILE:LINE:COLUMN" by the dotted path of a key ("model.discriminators[0].widths").
  std::map<std::string, std::string> places;
  /// The keys that were given a value after it was read.
  std::set<std::string> assigned;

  /// Where the key is, or its nearest enclosing key that is in the file.
  std::string place(std::string path) const;
  /// Whether set_key() or set_value() gave the key, or what it lies in, its value.
  bool is_assigned(const std::string& path) const;
};

/// How the VALUE of an assignment is read.
enum class ValueKind {
  kYaml,
  /// As it stands, whatever it holds, unless the whole of it is a quoted text of YAML.
  kText,
  /// Paths: YAML where it begins with [ or { and is not the name of something that is there; else
  /// as kText.
  kPaths
};

/// What is known of a key.
struct KeyFacts {
  ValueKind kind = ValueKind::kYaml;
  /// What its last part is called now, where this is a former name.
  std::string present_name{};
};

/// Of the key "a.b[].c" (the items of a list are alike).
using FactsOf = std::function<KeyFacts(const std::string& key)>;

/// Keys with former names are given their present ones. Throws vidgen::Error naming file, line and
/// column for a file that is missing, larger than 1 MiB or not YAML, for duplicate keys, merge
/// keys, cyclic aliases, and trees of more than 10,000 nodes (aliases expanded).
YamlTree read_yaml(const std::filesystem::path& path, const FactsOf& facts_of = {});

/// As read_yaml(), from text; `name` stands for the file in messages.
YamlTree parse_yaml(const std::string& text, const std::string& name, const FactsOf& facts_of = {});

/// Sets one key of the tree from "a.b[0].c=VALUE" (or "a.b.0.c=VALUE"), VALUE being of the key's
/// kind, which is YAML without `facts_of`. Sections on the way are created. Throws vidgen::Error
/// quoting the assignment when it is malformed or its path runs through a value that is no section.
void set_key(YamlTree& tree, const std::string& assignment, const FactsOf& facts_of = {});

/// Sets a dotted key to a value; `origin` ("--data clips") stands for its place in messages.
void set_value(YamlTree& tree, const std::string& key, core::Json value, const std::string& origin);

/// The tree as YAML text that read_yaml() reads back to the same tree.
std::string write_yaml(const core::Json& tree);

}  // namespace vidgen::config
