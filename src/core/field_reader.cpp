#include <algorithm>
#include <cmath>

#include "vidgen/core/cases.h"
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

double read_number(const Json& value, Range<double> range, const std::string& path) {
  const std::string expected = bounds("a number", range);
  if (!value.is_number()) wrong(path, value, expected);
  const double number = value.get<double>();
  if (!(std::isfinite(number) && number >= range.min && number <= range.max))
    wrong(path, value, expected);
  return number;
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
  frames_.push_back({tree, std::move(path), {}, {}});
}

void FieldReader::finish() {
  reject_unknown(frames_.back().tree, frames_.back().path, frames_.back().known);
}

std::string FieldReader::path_of(const std::string& name) const {
  const auto& frame = frames_.back();
  const auto former = frame.former_names.find(name);
  const std::string& key = former == frame.former_names.end() ? name : former->second;
  return frame.path.empty() ? key : cat(frame.path, ".", key);
}

const Json* FieldReader::find(const std::string& name) {
  auto& [tree, path, known, former_names] = frames_.back();
  known.push_back(name);
  const auto former = former_name().empty() ? tree.end() : tree.find(former_name());
  if (former != tree.end()) {
    former_names[name] = former_name();
    if (tree.contains(name)) {
      throw FieldError(path_of(name),
                       cat("found as well as ", name, ", its name now; expected one of them"));
    }
    tree[name] = *former;
    tree.erase(former_name());
  }
  const auto found = tree.find(name);
  return found == tree.end() ? nullptr : &*found;
}

void FieldReader::read(const Json& found, const std::string& path, const Field& field) const {
  const Cases cases{
      [&](const Flag& flag) {
        if (!found.is_boolean()) wrong(path, found, "true or false");
        *flag.value = found.get<bool>();
      },
      [&](const Integer& one) { *one.value = read_integer(found, one.range, path); },
      [&](const Number& one) { *one.value = read_number(found, one.range, path); },
      [&](const Text& one) {
        *one.value = one.is_path ? read_path(found, path) : read_text(found, path);
      },
      [&](const Integers& all) {
        if (!found.is_array()) wrong(path, found, "a list of integers");
        all.value->clear();
        for (size_t i = 0; i < found.size(); ++i)
          all.value->push_back(read_integer(found[i], all.range, cat(path, "[", i, "]")));
      },
      [&](const Texts& all) {
        if (!found.is_array()) wrong(path, found, "a list of texts");
        all.value->clear();
        for (size_t i = 0; i < found.size(); ++i)
          all.value->push_back(read_text(found[i], cat(path, "[", i, "]")));
      },
      [&](const Choice& choice) {
        auto text = found.is_string() ? found.get<std::string>() : "";
        const auto former = former_values().find(text);
        if (former != former_values().end()) text = former->second;
        const auto& names = choice.names;
        if (!found.is_string() || std::find(names.begin(), names.end(), text) == names.end())
          wrong(path, found, cat("one of ", join(names)));
        *choice.value = text;
      }};
  std::visit(cases, field);
}

void FieldReader::visit(const std::string& name, const Field& field, const std::string&) {
  if (const Json* found = find(name)) read(*found, path_of(name), field);
}

bool FieldReader::begin_section(const std::string& name, const std::string&) {
  const Json* found = find(name);
  if (!found) return false;
  const std::string path = path_of(name);
  if (!found->is_object()) wrong(path, *found, "a mapping");
  frames_.push_back({*found, path, {}, {}});
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
  frames_.push_back({std::move(item), path, {}, {}});
}

void FieldReader::end_list() { lists_.pop_back(); }

}  // namespace vidgen::core
