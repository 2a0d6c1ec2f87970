#include "vidgen/core/json.h"

#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "vidgen/core/error.h"
#include "vidgen/core/text.h"

namespace vidgen::core {
namespace {

/// Builds the tree from the parser's events. The library's own builder looks for every key among
/// those before it, which takes minutes for an object of a megabyte.
class TreeBuilder final : public nlohmann::json_sax<Json> {
 public:
  explicit TreeBuilder(const JsonLimits& limits) : limits_(limits) {}
  Json take() { return std::move(root_); }

  bool null() override { return add(nullptr); }
  bool boolean(bool value) override { return add(value); }
  bool number_integer(number_integer_t value) override { return add(value); }
  bool number_unsigned(number_unsigned_t value) override { return add(value); }
  bool number_float(number_float_t value, const string_t&) override { return add(value); }
  bool string(string_t& value) override { return add(std::move(value)); }
  bool binary(binary_t&) override { throw Error("holds binary data, expected text"); }

  bool start_object(size_t) override {
    open(Json::object());
    keys_.emplace_back();
    return true;
  }
  bool start_array(size_t) override {
    open(Json::array());
    return true;
  }
  bool key(string_t& key) override {
    if (!keys_.back().insert(key).second)
      throw Error(cat("holds the key \"", printable(shortened(key)), "\" twice in one object"));
    key_ = std::move(key);
    return true;
  }
  bool end_object() override {
    keys_.pop_back();
    open_.pop_back();
    return true;
  }
  bool end_array() override {
    open_.pop_back();
    return true;
  }

  bool parse_error(size_t position, const std::string&,
                   const nlohmann::detail::exception&) override {
    throw Error(cat("is not JSON (at byte ", position, ")"));
  }

 private:
  bool add(Json value) {
    if (++values_ > limits_.values) throw Error(cat("holds more than ", limits_.values, " values"));
    if (open_.empty()) {
      root_ = std::move(value);
      last_ = &root_;
    } else if (open_.back()->is_array()) {
      auto& list = open_.back()->get_ref<Json::array_t&>();
      list.push_back(std::move(value));
      last_ = &list.back();
    } else {
      auto& object = open_.back()->get_ref<Json::object_t&>();
      object.emplace_back(std::move(key_), std::move(value));
      last_ = &object.back().second;
    }
    return true;
  }

  // What is open stays where it is: only the innermost grows.
  void open(Json value) {
    if (open_.size() >= limits_.depth) throw Error(cat("is nested deeper than ", limits_.depth));
    add(std::move(value));
    open_.push_back(last_);
  }

  const JsonLimits& limits_;
  Json root_;
  Json* last_ = nullptr;
  std::vector<Json*> open_;
  /// Of each open object.
  std::vector<std::unordered_set<std::string>> keys_;
  std::string key_;
  size_t values_ = 0;
};

}  // namespace

Json parse_json(std::string_view text, const JsonLimits& limits) {
  if (text.size() > limits.bytes)
    throw Error(cat("is ", text.size(), " bytes long, expected at most ", limits.bytes));
  // The parser takes it for the end.
  if (const size_t nul = text.find('\0'); nul != std::string_view::npos)
    throw Error(cat("is not JSON (at byte ", nul + 1, ")"));
  TreeBuilder builder(limits);
  Json::sax_parse(text.begin(), text.end(), &builder);
  return builder.take();
}

}  // namespace vidgen::core
