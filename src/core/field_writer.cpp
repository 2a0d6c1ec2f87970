#include "vidgen/core/fields.h"

namespace vidgen::core {

void FieldWriter::visit(const std::string& name, const Field& field, const std::string&) {
  stack_.back()[name] = std::visit([](const auto& one) { return Json(*one.value); }, field);
}

bool FieldWriter::begin_section(const std::string& name, const std::string&) {
  keys_.push_back(name);
  stack_.push_back(Json::object());
  return true;
}

void FieldWriter::end_section() {
  Json section = std::move(stack_.back());
  stack_.pop_back();
  if (stack_.back().is_array()) {
    stack_.back().push_back(std::move(section));
  } else {
    stack_.back()[keys_.back()] = std::move(section);
    keys_.pop_back();
  }
}

std::optional<size_t> FieldWriter::begin_list(const std::string& name, size_t, const std::string&,
                                              const std::string&) {
  keys_.push_back(name);
  stack_.push_back(Json::array());
  return std::nullopt;
}

void FieldWriter::begin_item(size_t) { stack_.push_back(Json::object()); }

void FieldWriter::end_list() { end_section(); }

}  // namespace vidgen::core
