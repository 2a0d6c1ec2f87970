#include "vidgen/config/config.h"

#include <algorithm>
#include <map>
#include <regex>

#include "vidgen/core/files.h"
#include "vidgen/core/text.h"
#include "vidgen/models/scaling.h"

namespace vidgen::config {
namespace {

using core::cat;

/// The range of data.resize ends here.
constexpr int64_t kMaxResize = 4096;

/// Of all keys whose values are not YAML or that are former names.
std::map<std::string, KeyFacts> known_facts() {
  std::map<std::string, KeyFacts> facts;
  const auto entries = core::explain_fields<Config>();
  for (const auto& entry : entries) {
    if (entry.type == "text" || entry.type == "path") facts[entry.path].kind = ValueKind::kText;
    if (entry.type == "list of texts") facts[entry.path + "[]"].kind = ValueKind::kText;
    if (!entry.former_name.empty()) {
      const size_t last = entry.path.rfind('.') + 1;
      const auto items = entry.path.substr(0, last);
      // A list of one may be written without its brackets.
      const auto alone = std::regex_replace(items, std::regex(R"(\[\])"), "");
      for (const auto& parent : {items, alone})
        facts[parent + entry.former_name].present_name = entry.path.substr(last);
    }
    if (entry.shorthand.empty()) continue;
    const auto item = cat(entry.path, "[].", entry.shorthand);
    const bool of_paths = std::any_of(entries.begin(), entries.end(), [&item](const auto& other) {
      return other.path == item && other.type == "path";
    });
    if (!of_paths) continue;
    facts[entry.path].kind = facts[entry.path + "[]"].kind = ValueKind::kPaths;
  }
  return facts;
}

KeyFacts facts_of(const std::string& key) {
  static const auto facts = known_facts();
  const auto found = facts.find(key);
  return found == facts.end() ? KeyFacts{} : found->second;
}

/// Throws for what people give in place of a configuration.
void refuse_other(const std::filesystem::path& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) {
    const auto inside = path / "config.yaml";
    throw Error(cat(path.string(), ": is not a regular file, expected a YAML file",
                    std::filesystem::exists(inside, error)
                        ? cat("; the run in this folder goes on with ", inside.string())
                        : ""));
  }
  if (core::lower_extension(path) == ".safetensors") {
    throw Error(cat(path.string(), ": expected a YAML file; vidgen inspect --config ",
                    path.string(), " shows the configuration inside"));
  }
}

void set_sources(YamlTree& tree, const Changes& changes) {
  if (changes.sources.empty()) return;
  for (const auto& assignment : changes.assignments) {
    if (assignment.rfind("data.sources=", 0) != 0) continue;
    throw Error(
        cat("--set ", assignment, ": --data names the sources already, expected one of them"));
  }
  core::Json items = core::Json::array();
  for (const auto& path : changes.sources) items.push_back({{"path", path}});
  set_value(tree, "data.sources", std::move(items), "--data " + changes.sources.front());
}

/// data.size as it stands in the file.
int64_t written_size(const core::Json& tree) {
  const auto data = tree.find("data");
  if (data == tree.end() || !data->is_object()) return data::DataOptions().size;
  const auto size = data->find("size");
  const bool count = size != data->end() && size->is_number_integer();
  return count ? size->get<int64_t>() : data::DataOptions().size;
}

/// Makes the networks fit data.size. Returns a line about it, or "".
std::string fit_to_size(Config& config, int64_t written, const YamlTree& yaml) {
  const auto shape =
      config.is_adversarial() ? train::seen_shape(config) : train::clip_shape(config.data);
  const int64_t size = shape.size;
  if (size < 16 || (size & (size - 1)) != 0) return "";  // validate() says so
  const auto is_fixed = [&yaml](const std::string& key) { return yaml.is_assigned(key); };
  const int64_t from = models::size_made_for(config.model, written, size, is_fixed);
  std::vector<std::string> changes;
  if (from != size) changes = models::scale_networks(config.model, from, shape, is_fixed);
  auto& resize = config.data.resize;
  if (from != size && resize != 0 && !is_fixed("data.resize")) {
    resize = std::clamp(resize * size / from, size, kMaxResize);
    changes.push_back(cat("data.resize ", resize));
  }
  const auto named = models::name_default_widths(config.model, shape);
  changes.insert(changes.end(), named.begin(), named.end());
  if (changes.empty()) return "";
  return cat("for clips of ", size, "x", size,
             from == size ? "" : cat(", where the file has networks for ", from, "x", from), ": ",
             core::join(changes));
}

/// When the key may be another one.
const char* when(core::AtResume what) {
  switch (what) {
    case core::AtResume::kFree:
      return "at resume: free";
    case core::AtResume::kInitFrom:
      return "at resume: needs --init-from";
    case core::AtResume::kNever:
      break;
  }
  return "at resume: another run";
}

}  // namespace

void set_config_key(YamlTree& tree, const std::string& assignment) {
  set_key(tree, assignment, facts_of);
}

Config read_config(const std::filesystem::path& path, const Changes& changes, std::string* scaled) {
  refuse_other(path);
  YamlTree yaml = read_yaml(path, facts_of);
  const int64_t written = written_size(yaml.tree);
  set_sources(yaml, changes);
  for (const auto& assignment : changes.assignments) set_config_key(yaml, assignment);
  if (!changes.teacher.empty())
    set_value(yaml, "distill.teacher", changes.teacher, "--teacher " + changes.teacher);
  Config config;
  try {
    core::read_fields(yaml.tree, config);
    const auto line = fit_to_size(config, written, yaml);
    if (scaled) *scaled = line;
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
    if (entry.is_section()) {
      text +=
          cat("\n", entry.path,
              entry.type == "section" ? "" : cat("  (list, by default ", entry.default_value, ")"),
              "\n    ", entry.sentence(), "\n");
    } else {
      text += cat(entry.path, ": ", entry.default_value, "\n    ", entry.sentence(), " (",
                  entry.type, entry.range == "any" ? "" : cat(": ", entry.range), "; ",
                  when(entry.at_resume), ")\n");
    }
  }
  return text;
}

}  // namespace vidgen::config
