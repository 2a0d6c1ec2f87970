#include <cctype>

#include "vidgen/core/cases.h"
#include "vidgen/core/fields.h"
#include "vidgen/core/text.h"

namespace vidgen::core {
namespace {

template <class T>
std::string shown(Range<T> range) {
  const bool lower = range.min != Range<T>().min;
  const bool upper = range.max != Range<T>().max;
  if (lower && upper) return cat(range.min, " to ", range.max);
  if (lower) return cat(">= ", range.min);
  if (upper) return cat("<= ", range.max);
  return "any";
}

}  // namespace

std::string FieldHelp::sentence() const {
  std::string text = help;
  const auto word = text.substr(0, text.find_first_of(" ,:("));
  const bool is_value = cat(", ", range, ", ").find(cat(", ", word, ", ")) != std::string::npos;
  if (!is_value) text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
  return text.back() == '.' ? text : text + ".";
}

void FieldExplainer::add(const std::string& name, std::string type, std::string value,
                         std::string range, const std::string& help) {
  const std::string path = cat(prefix_, name);
  // The items of a list all have the same keys: the first one shows them.
  for (const auto& entry : entries_) {
    if (entry.path == path) return;
  }
  entries_.push_back({path, std::move(type), std::move(value), std::move(range), help, at_resume(),
                      "", former_name()});
}

void FieldExplainer::visit(const std::string& name, const Field& field, const std::string& help) {
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

bool FieldExplainer::begin_section(const std::string& name, const std::string& help) {
  add(name, "section", "", "", help);
  outer_.push_back(prefix_);
  prefix_ += name + ".";
  return true;
}

void FieldExplainer::end_section() {
  prefix_ = outer_.back();
  outer_.pop_back();
}

std::optional<size_t> FieldExplainer::begin_list(const std::string& name, size_t size,
                                                 const std::string& shorthand,
                                                 const std::string& help) {
  add(name, "list of sections", cat(size, size == 1 ? " item" : " items"), "", help);
  if (entries_.back().path == prefix_ + name) entries_.back().shorthand = shorthand;
  outer_.push_back(prefix_);
  prefix_ += name;
  list_empty_ = size == 0;
  return std::nullopt;
}

void FieldExplainer::begin_item(size_t) {
  outer_.push_back(prefix_);
  prefix_ += "[].";
}

void FieldExplainer::end_list() { end_section(); }

}  // namespace vidgen::core
