#include <cmath>

#include "vidgen/core/fields.h"
#include "vidgen/core/files.h"
#include "vidgen/core/text.h"

namespace vidgen::core {
namespace {

std::string describe(const Json& value) {
  if (value.is_null()) return "nothing";
  if (value.is_string()) return cat("text \"", shortened(value.get<std::string>()), "\"");
  if (value.is_array()) return "a list";
  if (value.is_object()) return "a mapping";
  return value.dump();
}

[[noreturn]] void wrong(const std::string& path, const Json& found, const std::string& expected) {
  throw FieldError(path, cat("found ", describe(found), ", expected ", expected));
}

template <class T>
std::string bounds(const std::string& what, Range<T> range) {
  const bool lower = range.min != Range<T>().min;
  const bool upper = range.max != Range<T>().max;
  if (lower && upper) return cat(what, " from ", range.min, " to ", range.max);
  if (lower) return cat(what, " of at least ", range.min);
  if (upper) return cat(what, " of at most ", range.max);
  return what;
}

int64_t read_integer(const Json& value, Range<int64_t> range, const std::string& path) {
  const std::string expected = bounds("an integer", range);
  if (!value.is_number()) wrong(path, value, expected);
  int64_t result = 0;
  if (value.is_number_float()) {
    // 1e5 is how people write large counts.
    const double number = value.get<double>();
    if (std::trunc(number) != number || std::abs(number) > 0x1p53) wrong(path, value, expected);
    result = static_cast<int64_t>(number);
  } else {
    const bool too_large =
        value.is_number_unsigned() && value.get<uint64_t>() > static_cast<uint64_t>(INT64_MAX);
    if (too_large) wrong(path, value, expected);
    result = value.get<int64_t>();
  }
  if (result < range.min || result > range.max) wrong(path, value, expected);
  return result;
}

std::string read_text(const Json& value, const std::string& path) {
  if (!value.is_string()) wrong(path, value, "text (put it in quotes)");
  return value.get<std::string>();
}

std::string read_path(const Json& value, const std::string& path) {
  if (value.is_null())
    wrong(path, value,
          "the name of a file or folder (a bare ~ is nothing in "
          "YAML: put it in quotes)");
  const std::string text = read_text(value, path);
  try {
    return expand_home(text);
  } catch (const Error& error) {
    throw FieldError(path, cat("found ", error.what()));
  }
}

void reject_unknown(const Json& tree, const std::string& path,
                    const std::vector<std::string>& known) {
  for (const auto& [key, value] : tree.items()) {
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    const std::string suggestion = nearest(key, known);
    throw FieldError(path.empty() ? key : cat(path, ".", key),
                     suggestion.empty() ? cat("unknown key, expected one of ", join(known))
                                        : cat("unknown key, did you mean \"", suggestion, "\"?"));
  }
}

}  // namespace

FieldReader::FieldReader(const Json& tree, std::string path) {
  if (!tree.is_object()) wrong(path.empty() ? "top level" : path, tree, "a mapping");
  frames_.push_back({tree, std::move(path), {}});
}

void FieldReader::finish() {
  reject_unknown(frames_.back().tree, frames_.back().path, frames_.back().known);
}

std::string FieldReader::path_of(const std::string& name) const {
  return frames_.back().path.empty() ? name : cat(frames_.back().path, ".", name);
}

const Json* FieldReader::find(const std::string& name) {
  auto& frame = frames_.back();
  frame.known.push_back(name);
  const auto found = frame.tree.find(name);
  return found == frame.tree.end() ? nullptr : &*found;
}

void FieldReader::field(const std::string& name, bool& value, const std::string&) {
  const Json* found = find(name);
  if (!found) return;
  if (!found->is_boolean()) wrong(path_of(name), *found, "true or false");
  value = found->get<bool>();
}

void FieldReader::field(const std::string& name, int64_t& value, Range<int64_t> range,
                        const std::string&) {
  if (const Json* found = find(name)) value = read_integer(*found, range, path_of(name));
}

void FieldReader::field(const std::string& name, double& value, Range<double> range,
                        const std::string&) {
  const Json* found = find(name);
  if (!found) return;
  const std::string expected = bounds("a number", range);
  if (!found->is_number()) wrong(path_of(name), *found, expected);
  const double number = found->get<double>();
  if (!(std::isfinite(number) && number >= range.min && number <= range.max))
    wrong(path_of(name), *found, expected);
  value = number;
}

void FieldReader::field(const std::string& name, std::string& value, const std::string&) {
  if (const Json* found = find(name)) value = read_text(*found, path_of(name));
}

void FieldReader::path(const std::string& name, std::string& value, const std::string&) {
  if (const Json* found = find(name)) value = read_path(*found, path_of(name));
}

void FieldReader::field(const std::string& name, std::vector<int64_t>& value, Range<int64_t> range,
                        const std::string&) {
  const Json* found = find(name);
  if (!found) return;
  if (!found->is_array()) wrong(path_of(name), *found, "a list of integers");
  value.clear();
  for (size_t i = 0; i < found->size(); ++i) {
    value.push_back(read_integer((*found)[i], range, cat(path_of(name), "[", i, "]")));
  }
}

void FieldReader::field(const std::string& name, std::vector<std::string>& value,
                        const std::string&) {
  const Json* found = find(name);
  if (!found) return;
  if (!found->is_array()) wrong(path_of(name), *found, "a list of texts");
  value.clear();
  for (size_t i = 0; i < found->size(); ++i) {
    value.push_back(read_text((*found)[i], cat(path_of(name), "[", i, "]")));
  }
}

void FieldReader::choice_text(const std::string& name, std::string& value,
                              const std::vector<std::string>& names, const std::string&) {
  const Json* found = find(name);
  if (!found) return;
  const bool known = found->is_string() && std::find(names.begin(), names.end(),
                                                     found->get<std::string>()) != names.end();
  if (!known) wrong(path_of(name), *found, cat("one of ", join(names)));
  value = found->get<std::string>();
}

bool FieldReader::begin_section(const std::string& name, const std::string&) {
  const Json* found = find(name);
  if (!found) return false;
  const std::string path = path_of(name);
  if (!found->is_object()) wrong(path, *found, "a mapping");
  frames_.push_back({*found, path, {}});
  return true;
}

void FieldReader::end_section() {
  finish();
  frames_.pop_back();
}

std::optional<size_t> FieldReader::begin_list(const std::string& name, size_t size,
                                              const std::string& shorthand, const std::string&) {
  const Json* found = find(name);
  const std::string path = path_of(name);
  if (!found) {
    lists_.push_back({Json(size, Json::object()), path, ""});
    return std::nullopt;
  }
  Json items = *found;
  if (!shorthand.empty() && (items.is_string() || items.is_object())) items = Json::array({items});
  if (!items.is_array()) wrong(path, *found, "a list");
  lists_.push_back({items, path, shorthand});
  return items.size();
}

void FieldReader::begin_item(size_t index) {
  const List& list = lists_.back();
  Json item = list.items[index];
  const std::string path = cat(list.path, "[", index, "]");
  if (item.is_string() && !list.shorthand.empty()) item = Json{{list.shorthand, item}};
  if (!item.is_object()) wrong(path, item, "a mapping");
  frames_.push_back({std::move(item), path, {}});
}

void FieldReader::end_list() { lists_.pop_back(); }

}  // namespace vidgen::core
