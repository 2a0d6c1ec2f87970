#include <cctype>

#include "vidgen/core/fields.h"
#include "vidgen/core/text.h"

namespace vidgen::core {
namespace {

template <class T>
std::string show(Range<T> range) {
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
  entries_.push_back(
      {path, std::move(type), std::move(value), std::move(range), help, at_resume(), ""});
}

void FieldExplainer::field(const std::string& name, bool& value, const std::string& help) {
  add(name, "boolean", value ? "true" : "false", "true, false", help);
}

void FieldExplainer::field(const std::string& name, int64_t& value, Range<int64_t> range,
                           const std::string& help) {
  add(name, "integer", cat(value), show(range), help);
}

void FieldExplainer::field(const std::string& name, double& value, Range<double> range,
                           const std::string& help) {
  add(name, "number", cat(value), show(range), help);
}

void FieldExplainer::field(const std::string& name, std::string& value, const std::string& help) {
  add(name, "text", cat("\"", value, "\""), "any", help);
}

void FieldExplainer::path(const std::string& name, std::string& value, const std::string& help) {
  add(name, "path", cat("\"", value, "\""), "any", help);
}

void FieldExplainer::field(const std::string& name, std::vector<int64_t>& value,
                           Range<int64_t> range, const std::string& help) {
  add(name, "list of integers", Json(value).dump(), show(range), help);
}

void FieldExplainer::field(const std::string& name, std::vector<std::string>& value,
                           const std::string& help) {
  add(name, "list of texts", Json(value).dump(), "any", help);
}

void FieldExplainer::choice_text(const std::string& name, std::string& value,
                                 const std::vector<std::string>& names, const std::string& help) {
  add(name, "choice", value, join(names), help);
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
