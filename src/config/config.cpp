#include "vidgen/config/config.h"

#include "vidgen/config/yaml.h"
#include "vidgen/core/text.h"

namespace vidgen::config {

using core::cat;

Config read_config(const std::filesystem::path& path, const std::vector<std::string>& assignments) {
  YamlTree yaml = read_yaml(path);
  for (const auto& assignment : assignments) set_key(yaml, assignment);
  Config config;
  try {
    core::read_fields(yaml.tree, config);
    train::validate(config);
  } catch (const core::FieldError& error) {
    throw Error(cat(yaml.place(error.path()), ": ", error.what()));
  }
  return config;
}

std::string to_yaml(const Config& config) { return write_yaml(core::write_fields(config)); }

std::string explain_config() {
  std::string text;
  for (const auto& entry : core::explain_fields<Config>()) {
    if (entry.type == "section" || entry.type == "list of sections") {
      text +=
          cat("\n", entry.path,
              entry.type == "section" ? "" : cat("  (list, by default ", entry.default_value, ")"),
              "\n    ", entry.help, "\n");
    } else {
      text += cat(entry.path, ": ", entry.default_value, "\n    ", entry.help, " (", entry.type,
                  entry.range == "any" ? "" : cat(": ", entry.range), ")\n");
    }
  }
  return text;
}

}  // namespace vidgen::config
