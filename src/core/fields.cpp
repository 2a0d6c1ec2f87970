#include "vidgen/core/fields.h"

#include <algorithm>
#include <cctype>
#include <cmath>

#include "vidgen/core/cases.h"
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

class FieldReader final : public FieldVisitor {
 public:
  FieldReader(const Json& tree, const std::string& path) {
    if (!tree.is_object()) wrong(path.empty() ? "top level" : path, tree, "a mapping");
    frames_.push_back({tree, path, {}, {}});
  }

  /// Of the object that is being read: rejects the keys that no field asked for.
  void finish() const {
    const auto& [tree, path, known, former_names] = frames_.back();
    for (const auto& [key, value] : tree.items()) {
      if (std::find(known.begin(), known.end(), key) != known.end()) continue;
      const std::string suggestion = nearest(key, known);
      throw FieldError(path.empty() ? key : cat(path, ".", key),
                       suggestion.empty() ? cat("unknown key, expected one of ", join(known))
                                          : cat("unknown key, did you mean \"", suggestion, "\"?"));
    }
  }

 private:
  /// One object of the tree that is being read.
  struct Frame {
    Json tree;
    std::string path;
    std::vector<std::string> known;
    /// Of the keys that have their former names in the tree.
    std::map<std::string, std::string> former_names;
  };
  struct List {
    Json items;
    std::string path;
    std::string shorthand;
  };

  std::string path_of(const std::string& name) const {
    const auto& frame = frames_.back();
    const auto former = frame.former_names.find(name);
    const std::string& key = former == frame.former_names.end() ? name : former->second;
    return frame.path.empty() ? key : cat(frame.path, ".", key);
  }

  const Json* find(const std::string& name) {
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

  /// Sets the value of a field from what the tree has for it.
  void read(const Json& found, const std::string& path, const Field& field) const {
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

  void visit(const std::string& name, const Field& field, const std::string&) override {
    if (const Json* found = find(name)) read(*found, path_of(name), field);
  }

  bool begin_section(const std::string& name, const std::string&) override {
    const Json* found = find(name);
    if (!found) return false;
    const std::string path = path_of(name);
    if (!found->is_object()) wrong(path, *found, "a mapping");
    frames_.push_back({*found, path, {}, {}});
    return true;
  }

  void end_section() override {
    finish();
    frames_.pop_back();
  }

  std::optional<size_t> begin_list(const std::string& name, size_t size,
                                   const std::string& shorthand, const std::string&) override {
    const Json* found = find(name);
    const std::string path = path_of(name);
    if (!found) {
      lists_.push_back({Json(size, Json::object()), path, ""});
      return std::nullopt;
    }
    Json items = *found;
    if (!shorthand.empty() && (items.is_string() || items.is_object()))
      items = Json::array({items});
    if (!items.is_array()) wrong(path, *found, "a list");
    lists_.push_back({items, path, shorthand});
    return items.size();
  }

  void begin_item(size_t index) override {
    const List& list = lists_.back();
    Json item = list.items[index];
    const std::string path = cat(list.path, "[", index, "]");
    if (item.is_string() && !list.shorthand.empty()) item = Json{{list.shorthand, item}};
    if (!item.is_object()) wrong(path, item, "a mapping");
    frames_.push_back({std::move(item), path, {}, {}});
  }

  void end_list() override { lists_.pop_back(); }

  std::vector<Frame> frames_;
  std::vector<List> lists_;
};

class FieldWriter final : public FieldVisitor {
 public:
  Json take() { return std::move(stack_.front()); }

 private:
  void visit(const std::string& name, const Field& field, const std::string&) override {
    stack_.back()[name] = std::visit([](const auto& one) { return Json(*one.value); }, field);
  }

  bool begin_section(const std::string& name, const std::string&) override {
    keys_.push_back(name);
    stack_.push_back(Json::object());
    return true;
  }

  void end_section() override {
    Json section = std::move(stack_.back());
    stack_.pop_back();
    if (stack_.back().is_array()) {
      stack_.back().push_back(std::move(section));
    } else {
      stack_.back()[keys_.back()] = std::move(section);
      keys_.pop_back();
    }
  }

  std::optional<size_t> begin_list(const std::string& name, size_t, const std::string&,
                                   const std::string&) override {
    keys_.push_back(name);
    stack_.push_back(Json::array());
    return std::nullopt;
  }

  void begin_item(size_t) override { stack_.push_back(Json::object()); }

  void end_list() override { end_section(); }

  /// Objects being filled, outermost first, and the key (or list position) that each will have in
  /// the one before.
  std::vector<Json> stack_{Json::object()};
  std::vector<std::string> keys_;
};

template <class T>
std::string shown(Range<T> range) {
  const bool lower = range.min != Range<T>().min;
  const bool upper = range.max != Range<T>().max;
  if (lower && upper) return cat(range.min, " to ", range.max);
  if (lower) return cat(">= ", range.min);
  if (upper) return cat("<= ", range.max);
  return "any";
}

class FieldExplainer final : public FieldVisitor {
 public:
  std::vector<FieldHelp> take() { return std::move(entries_); }

 private:
  void add(const std::string& name, std::string type, std::string value, std::string range,
           const std::string& help) {
    const std::string path = cat(prefix_, name);
    // The items of a list all have the same keys: the first one shows them.
    for (const auto& entry : entries_) {
      if (entry.path == path) return;
    }
    entries_.push_back({path, std::move(type), std::move(value), std::move(range), help,
                        at_resume(), "", former_name()});
  }

  void visit(const std::string& name, const Field& field, const std::string& help) override {
    const std::string value =
        std::visit([](const auto& one) { return Json(*one.value).dump(); }, field);
    const Cases cases{
        [&](const Flag&) { add(name, "boolean", value, "true, false", help); },
        [&](const Integer& one) { add(name, "integer", value, shown(one.range), help); },
        [&](const Number& one) { add(name, "number", cat(*one.value), shown(one.range), help); },
        [&](const Text& one) {
          add(name, one.is_path ? "path" : "text", cat("\"", *one.value, "\""), "any", help);
        },
        [&](const Integers& one) { add(name, "list of integers", value, shown(one.range), help); },
        [&](const Texts&) { add(name, "list of texts", value, "any", help); },
        [&](const Choice& one) { add(name, "choice", *one.value, join(one.names), help); }};
    std::visit(cases, field);
  }

  bool begin_section(const std::string& name, const std::string& help) override {
    add(name, "section", "", "", help);
    outer_.push_back(prefix_);
    prefix_ += name + ".";
    return true;
  }

  void end_section() override {
    prefix_ = outer_.back();
    outer_.pop_back();
  }

  std::optional<size_t> begin_list(const std::string& name, size_t size,
                                   const std::string& shorthand, const std::string& help) override {
    add(name, "list of sections", cat(size, size == 1 ? " item" : " items"), "", help);
    if (entries_.back().path == prefix_ + name) entries_.back().shorthand = shorthand;
    outer_.push_back(prefix_);
    prefix_ += name;
    list_empty_ = size == 0;
    return std::nullopt;
  }

  void begin_item(size_t) override {
    outer_.push_back(prefix_);
    prefix_ += "[].";
  }

  void end_list() override { end_section(); }

  bool item_example() const override { return list_empty_; }

  std::vector<FieldHelp> entries_;
  std::string prefix_;
  std::vector<std::string> outer_;
  bool list_empty_ = false;
};

}  // namespace

std::string FieldHelp::sentence() const {
  std::string text = help;
  const auto word = text.substr(0, text.find_first_of(" ,:("));
  const bool is_value = cat(", ", range, ", ").find(cat(", ", word, ", ")) != std::string::npos;
  if (!is_value) text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
  return text.back() == '.' ? text : text + ".";
}

namespace detail {

void read_fields(const Json& tree, const std::string& path, const VisitFields& visit) {
  FieldReader reader(tree, path);
  visit(reader);
  reader.finish();
}

Json write_fields(const VisitFields& visit) {
  FieldWriter writer;
  visit(writer);
  return writer.take();
}

std::vector<FieldHelp> explain_fields(const VisitFields& visit) {
  FieldExplainer explainer;
  visit(explainer);
  return explainer.take();
}

}  // namespace detail
}  // namespace vidgen::core
