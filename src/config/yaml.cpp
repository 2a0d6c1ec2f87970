#include "vidgen/config/yaml.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <iterator>

#include "vidgen/core/error.h"
#include "vidgen/core/files.h"
#include "yaml_limits.h"

namespace vidgen::config {
namespace {

using core::cat;
using core::Json;

/// The key of "a.b[0].c" and "a.b.0.c" for all items: "a.b[].c".
std::string key_of_items(const std::string& path) {
  std::string key;
  for (size_t begin = 0; begin < path.size();) {
    const size_t end = std::min(path.find_first_of(".[", begin + 1), path.size());
    const auto part = path.substr(begin, end - begin);
    const bool index = begin > 0 && part.find_first_not_of(".[0123456789]") == std::string::npos;
    key += index ? "[]" : part;
    begin = end;
  }
  return key;
}

/// Turns yaml-cpp's nodes into a tree. Aliases are expanded, so cycles and exponential growth have
/// to be caught here.
class Converter {
 public:
  Converter(const std::string& name, const FactsOf& facts_of, YamlTree& out)
      : name_(name), facts_of_(facts_of), out_(out) {}

  Json convert(const YAML::Node& node, const std::string& path, size_t depth) {
    if (++nodes_ > kMaxNodes)
      fail(node, cat("holds more than ", kMaxNodes, " values (aliases expanded)"));
    bytes_ += path.size() + (node.IsScalar() ? node.Scalar().size() : 0);
    if (bytes_ > kMaxTreeBytes)
      fail(node, cat("holds more than ", kMaxTreeBytes, " bytes of text (aliases expanded)"));
    if (depth > kMaxDepth)
      fail(node, cat("is nested more than ", kMaxDepth, " deep, or an alias contains itself"));
    switch (node.Type()) {
      case YAML::NodeType::Map:
        return convert_map(node, path, depth);
      case YAML::NodeType::Sequence:
        return convert_list(node, path, depth);
      case YAML::NodeType::Scalar:
        return convert_scalar(node);
      default:
        return nullptr;
    }
  }

  std::string place(const YAML::Mark& mark) const {
    return mark.is_null() ? name_ : cat(name_, ":", mark.line + 1, ":", mark.column + 1);
  }

 private:
  [[noreturn]] void fail(const YAML::Node& node, const std::string& problem) const {
    throw Error(cat(place(node.Mark()), ": ", problem));
  }

  Json convert_map(const YAML::Node& node, const std::string& path, size_t depth) {
    Json result = Json::object();
    for (const auto& item : node) {
      if (!item.first.IsScalar()) fail(item.first, "found a key that is not text");
      const std::string written = item.first.Scalar();
      const std::string key = present_name(path, written);
      if (key == "<<") fail(item.first, "found the merge key <<, which is not supported");
      if (result.contains(key)) {
        fail(item.first, cat("duplicate key \"", written, "\"",
                             key == written ? "" : cat(", which is called ", key, " now")));
      }
      const std::string child = path.empty() ? key : cat(path, ".", key);
      out_.places.emplace(child, place(item.first.Mark()));
      result[key] = convert(item.second, child, depth + 1);
    }
    return result;
  }

  Json convert_list(const YAML::Node& node, const std::string& path, size_t depth) {
    Json result = Json::array();
    for (size_t i = 0; i < node.size(); ++i) {
      const std::string child = cat(path, "[", i, "]");
      out_.places.emplace(child, place(node[i].Mark()));
      result.push_back(convert(node[i], child, depth + 1));
    }
    return result;
  }

  // YAML 1.2's core schema: what looks like a number is one unless it is quoted (quoted scalars
  // have the tag "!").
  static Json convert_scalar(const YAML::Node& node) {
    const std::string& text = node.Scalar();
    if (node.Tag() == "!" || node.Tag() == "tag:yaml.org,2002:str") return text;
    if (text == "true" || text == "True" || text == "TRUE") return true;
    if (text == "false" || text == "False" || text == "FALSE") return false;
    if (text.compare(0, 2, "+-") == 0) return text;
    const char* begin = text.data() + (text.size() > 1 && text[0] == '+' ? 1 : 0);
    const char* end = text.data() + text.size();
    int64_t integer = 0;
    if (const auto [last, error] = std::from_chars(begin, end, integer);
        error == std::errc() && last == end) {
      return integer;
    }
    double number = 0;
    if (const auto [last, error] = std::from_chars(begin, end, number);
        error == std::errc() && last == end && std::isfinite(number)) {
      return number;
    }
    return text;
  }

  /// Of a key in the section `path`.
  std::string present_name(const std::string& path, const std::string& key) const {
    if (!facts_of_) return key;
    const auto facts = facts_of_(key_of_items(path.empty() ? key : cat(path, ".", key)));
    return facts.present_name.empty() ? key : facts.present_name;
  }

  const std::string& name_;
  const FactsOf& facts_of_;
  YamlTree& out_;
  size_t nodes_ = 0;
  size_t bytes_ = 0;
};

YAML::Node load(const std::string& text, const std::string& name) {
  try {
    check_yaml_size(text, name);
    return YAML::Load(text);
  } catch (const YAML::Exception& error) {
    throw Error(
        cat(name, ":", error.mark.line + 1, ":", error.mark.column + 1, ": not YAML: ", error.msg));
  }
}

/// Forgets the places of what was in the file before a new value took its place.
void forget_places_under(YamlTree& tree, const std::string& path) {
  for (auto it = tree.places.upper_bound(path); it != tree.places.end();) {
    if (it->first.compare(0, path.size(), path) != 0) break;
    const char next = it->first[path.size()];
    it = next == '.' || next == '[' ? tree.places.erase(it) : std::next(it);
  }
}

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// "a.b[0].c" -> a, b, 0, c. Throws when it is not of this form, or names what lies deeper than a
/// file can hold it.
std::vector<std::string> split_path(const std::string& path, const std::string& origin) {
  std::vector<std::string> parts;
  auto at = path.begin();
  const auto take = [&](bool (*belongs)(char)) {
    const auto end = std::find_if_not(at, path.end(), belongs);
    parts.emplace_back(at, end);
    at = end;
    return !parts.back().empty();
  };
  bool good = take(is_word);
  while (good && at != path.end()) {
    const char mark = *at++;
    good = (mark == '.' && take(is_word)) ||
           (mark == '[' && take(is_digit) && at != path.end() && *at++ == ']');
  }
  if (!good) throw Error(cat(origin, ": expected KEY=VALUE with a dotted key such as train.steps"));
  if (parts.size() > kMaxDepth)
    throw Error(cat(origin, ": is nested more than ", kMaxDepth, " deep"));
  return parts;
}

Json& child_of(Json& node, const std::string& part, const std::string& origin) {
  const auto fail = [&](const std::string& problem) { throw Error(cat(origin, ": ", problem)); };
  if (node.is_null()) node = Json::object();
  if (node.is_object()) return node[part];
  if (!node.is_array()) fail(cat("\"", part, "\" lies inside a value that is no section"));
  size_t index = 0;
  const auto [last, error] = std::from_chars(part.data(), part.data() + part.size(), index);
  if (error != std::errc() || last != part.data() + part.size() || index >= node.size()) {
    fail(cat("found index \"", part, "\" of a list with ", node.size(), " items"));
  }
  return node[index];
}

Json parse_value(const std::string& text, const std::string& origin) {
  const YamlTree value = parse_yaml("value: " + text, origin);
  if (value.tree.size() != 1) throw Error(cat(origin, ": expected one value"));
  return value.tree["value"];
}

/// As it stands, unless it is a quoted text.
Json text_value(const std::string& text) {
  const bool quoted = text.size() > 1 && (text.front() == '"' || text.front() == '\'') &&
                      text.back() == text.front();
  if (!quoted) return text;
  try {
    const Json value = parse_value(text, "");
    return value.is_string() ? value : Json(text);
  } catch (const Error&) {
    return text;
  }
}

Json paths_value(const std::string& text, const std::string& origin) {
  const bool yaml = !text.empty() && (text.front() == '[' || text.front() == '{');
  std::error_code error;
  if (!yaml || std::filesystem::exists(text, error)) return text_value(text);
  try {
    return parse_value(text, origin);
  } catch (const Error& problem) {
    throw Error(cat(problem.what(), "; there is no file or folder of that name either"));
  }
}

Json value_of(const std::string& text, ValueKind kind, const std::string& origin) {
  switch (kind) {
    case ValueKind::kText:
      return text_value(text);
    case ValueKind::kPaths:
      return paths_value(text, origin);
    case ValueKind::kYaml:
      break;
  }
  return parse_value(text, origin);
}

void set_at(YamlTree& tree, const std::vector<std::string>& parts, Json value,
            const std::string& origin) {
  Json* node = &tree.tree;
  std::string path;
  for (const auto& part : parts) {
    path += node->is_array() ? cat("[", part, "]") : path.empty() ? part : cat(".", part);
    node = &child_of(*node, part, origin);
    // What the file has keeps its place; a section that is new gets this one.
    tree.places.emplace(path, origin);
  }
  *node = std::move(value);
  forget_places_under(tree, path);
  tree.places[path] = origin;
  tree.assigned.insert(path);
}

/// With a point, because YAML 1.1 takes 1e-08 for text.
std::string number_text(const Json& number) {
  std::string text = number.dump();
  const size_t exponent = text.find('e');
  if (exponent != std::string::npos && text.find('.') == std::string::npos)
    text.insert(exponent, ".0");
  return text;
}

void emit(YAML::Emitter& out, const Json& node) {
  if (node.is_object()) {
    out << YAML::BeginMap;
    for (const auto& [key, value] : node.items()) {
      out << YAML::Key << key << YAML::Value;
      emit(out, value);
    }
    out << YAML::EndMap;
  } else if (node.is_array()) {
    const bool flat = node.empty() || !node[0].is_object();
    out << (flat ? YAML::Flow : YAML::Block) << YAML::BeginSeq;
    for (const auto& value : node) emit(out, value);
    out << YAML::EndSeq;
  } else if (node.is_null()) {
    out << YAML::Null;
  } else if (node.is_string()) {
    out << YAML::DoubleQuoted << node.get<std::string>();
  } else {
    out << (node.is_number_float() ? number_text(node) : node.dump());
  }
}

}  // namespace

std::string YamlTree::place(std::string path) const {
  while (true) {
    if (const auto found = places.find(path); found != places.end()) return found->second;
    const size_t cut = path.find_last_of(".[");
    if (cut == std::string::npos) break;
    path.resize(cut);
  }
  const auto top = places.find("");
  return top == places.end() ? "" : top->second;
}

bool YamlTree::is_assigned(const std::string& path) const {
  for (std::string key = path; !key.empty(); key.resize(key.find_last_of(".["))) {
    if (assigned.count(key) > 0) return true;
    if (key.find_last_of(".[") == std::string::npos) break;
  }
  return false;
}

YamlTree parse_yaml(const std::string& text, const std::string& name, const FactsOf& facts_of) {
  YamlTree result;
  const YAML::Node node = load(text, name);
  Converter converter(name, facts_of, result);
  result.places.emplace("", name);
  result.tree = converter.convert(node, "", 0);
  if (result.tree.is_null()) result.tree = Json::object();
  if (!result.tree.is_object())
    throw Error(cat(name, ":1:1: found no keys, expected sections such as data, model, train"));
  return result;
}

YamlTree read_yaml(const std::filesystem::path& path, const FactsOf& facts_of) {
  return parse_yaml(core::read_file(path, kMaxBytes), path.string(), facts_of);
}

void set_key(YamlTree& tree, const std::string& assignment, const FactsOf& facts_of) {
  const std::string origin = "--set " + assignment;
  const size_t equals = assignment.find('=');
  if (equals == std::string::npos) throw Error(cat(origin, ": expected KEY=VALUE"));
  const auto key = assignment.substr(0, equals);
  auto parts = split_path(key, origin);
  const auto facts = facts_of ? facts_of(key_of_items(key)) : KeyFacts{};
  if (!facts.present_name.empty()) parts.back() = facts.present_name;
  set_at(tree, parts, value_of(assignment.substr(equals + 1), facts.kind, origin), origin);
}

void set_value(YamlTree& tree, const std::string& key, Json value, const std::string& origin) {
  set_at(tree, split_path(key, origin), std::move(value), origin);
}

std::string write_yaml(const Json& tree) {
  YAML::Emitter out;
  out.SetIndent(2);
  emit(out, tree);
  return std::string(out.c_str()) + "\n";
}

}  // namespace vidgen::config
