#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "vidgen/core/error.h"
#include "vidgen/core/json.h"

/// One list of fields per Options struct. A function `void fields(FieldVisitor&, FooOptions&)` in
/// the struct's own namespace names every field once, with its range and meaning; reading a tree,
/// writing one and explaining it all walk that list. What it says of a field is the documentation;
/// a comment at the field says what it does not.
namespace vidgen::core {

/// An Options value that is wrong, with the dotted path of its key ("model.generator.widths").
class FieldError : public Error {
 public:
  FieldError(std::string path, const std::string& problem)
      : Error(path + ": " + problem), path_(std::move(path)) {}
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// Inclusive bounds.
template <class T>
struct Range {
  T min = std::numeric_limits<T>::lowest();
  T max = std::numeric_limits<T>::max();
};

/// The names of an enum's values, in the order they are shown.
template <class E>
using Choices = std::vector<std::pair<std::string, E>>;
/// Of things that are known by their names.
template <class Named>
Choices<std::string> name_choices(const std::vector<Named>& all) {
  Choices<std::string> choices;
  for (const auto& one : all) choices.emplace_back(one.name, one.name);
  return choices;
}

/// What may be done about a key when a run goes on.
enum class AtResume {
  /// It cannot be another one. So is a key of which nothing is said.
  kNever,
  /// It may be another one: the run goes on with it.
  kFree,
  /// Another value gives networks other tensors: a new run can begin with those that fit
  /// (--init-from).
  kInitFrom
};

/// What a field holds: where its value is, and what that may be.
struct Flag {
  bool* value;
};
struct Integer {
  int64_t* value;
  Range<int64_t> range;
};
struct Number {
  double* value;
  Range<double> range;
};
struct Text {
  std::string* value;
  /// The name of a file or folder. Where it is read, a ~ at its beginning stands for the home
  /// folder (expand_home()).
  bool is_path = false;
};
/// Each within the range.
struct Integers {
  std::vector<int64_t>* value;
  Range<int64_t> range;
};
struct Texts {
  std::vector<std::string>* value;
};
struct Choice {
  std::string* value;
  std::vector<std::string> names;
};
using Field = std::variant<Flag, Integer, Number, Text, Integers, Texts, Choice>;

class FieldVisitor {
 public:
  virtual ~FieldVisitor() = default;

  /// Of the fields that follow, to the end of the innermost section; sections inside begin with it.
  void at_resume(AtResume what) { at_resume_ = what; }
  AtResume at_resume() const { return at_resume_; }

  /// What the next field was called before: it is read under that name, too.
  void formerly(const std::string& name) { former_name_ = name; }
  /// Likewise one of the values of the next choice.
  void formerly(const std::string& before, const std::string& now) { former_values_[before] = now; }

  void field(const std::string& name, bool& value, const std::string& help) {
    show(name, Flag{&value}, help);
  }
  void field(const std::string& name, int64_t& value, Range<int64_t> range,
             const std::string& help) {
    show(name, Integer{&value, range}, help);
  }
  void field(const std::string& name, double& value, Range<double> range, const std::string& help) {
    show(name, Number{&value, range}, help);
  }
  void field(const std::string& name, std::string& value, const std::string& help) {
    show(name, Text{&value}, help);
  }
  void path(const std::string& name, std::string& value, const std::string& help) {
    show(name, Text{&value, /*is_path=*/true}, help);
  }
  void field(const std::string& name, std::vector<int64_t>& value, Range<int64_t> range,
             const std::string& help) {
    show(name, Integers{&value, range}, help);
  }
  void field(const std::string& name, std::vector<std::string>& value, const std::string& help) {
    show(name, Texts{&value}, help);
  }

  template <class E>
  void choice(const std::string& name, E& value, const Choices<E>& choices,
              const std::string& help) {
    std::vector<std::string> names;
    std::string text;
    for (const auto& [choice_name, choice_value] : choices) {
      names.push_back(choice_name);
      if (choice_value == value) text = choice_name;
    }
    show(name, Choice{&text, std::move(names)}, help);
    for (const auto& [choice_name, choice_value] : choices) {
      if (choice_name == text) value = choice_value;
    }
  }

  /// A nested struct that has its own fields().
  template <class T>
  void section(const std::string& name, T& options, const std::string& help) {
    if (!begin_section(name, help)) return;
    visit_inside(options);
    end_section();
  }

  /// A list of structs. Where an item is text it stands for an item whose field `shorthand` is that
  /// text, and one item alone may stand for the list; an empty `shorthand` allows neither.
  template <class T>
  void sections(const std::string& name, std::vector<T>& items, const std::string& shorthand,
                const std::string& help) {
    if (auto size = begin_list(name, items.size(), shorthand, help)) items.assign(*size, T{});
    for (size_t i = 0; i < items.size(); ++i) {
      begin_item(i);
      visit_inside(items[i]);
      end_section();
    }
    std::vector<T> example(item_example() ? 1 : 0);
    for (auto& item : example) {
      begin_item(0);
      visit_inside(item);
      end_section();
    }
    end_list();
  }

 protected:
  virtual void visit(const std::string& name, const Field& field, const std::string& help) = 0;
  /// Of the field that is visited; "" and none where it always had this name.
  const std::string& former_name() const { return former_name_; }
  const std::map<std::string, std::string>& former_values() const { return former_values_; }
  /// False when there is nothing to visit inside.
  virtual bool begin_section(const std::string& name, const std::string& help) = 0;
  virtual void end_section() = 0;
  /// Returns how many default items replace those that are there, or nothing to keep them.
  virtual std::optional<size_t> begin_list(const std::string& name, size_t size,
                                           const std::string& shorthand,
                                           const std::string& help) = 0;
  virtual void begin_item(size_t index) = 0;
  virtual void end_list() = 0;
  /// Whether an item that is not in the list is to be visited, to show what one looks like.
  virtual bool item_example() const { return false; }

 private:
  void show(const std::string& name, const Field& field, const std::string& help) {
    visit(name, field, help);
    former_name_.clear();
    former_values_.clear();
  }
  template <class T>
  void visit_inside(T& options) {
    const AtResume outside = at_resume_;
    fields(*this, options);
    at_resume_ = outside;
  }

  AtResume at_resume_ = AtResume::kNever;
  std::string former_name_;
  std::map<std::string, std::string> former_values_;
};

/// What `vidgen config --explain` prints: one entry a field, in order.
struct FieldHelp {
  std::string path;
  std::string type;
  std::string default_value;
  std::string range;
  std::string help;
  AtResume at_resume = AtResume::kNever;
  /// Of a list of sections: the field that an item of text alone stands for, if there is one.
  std::string shorthand;
  /// The key's last part as it was; "" where it always had this name.
  std::string former_name;

  bool is_section() const { return type == "section" || type == "list of sections"; }
  /// `help` with a capital and a full stop; a value of the field at its beginning stays as it is.
  std::string sentence() const;
};

/// What follows, for one struct: `visit` calls its fields() with the visitor.
namespace detail {
using VisitFields = std::function<void(FieldVisitor&)>;
void read_fields(const Json& tree, const std::string& path, const VisitFields& visit);
Json write_fields(const VisitFields& visit);
std::vector<FieldHelp> explain_fields(const VisitFields& visit);
}  // namespace detail

/// Sets fields from a tree, which lies at the dotted `path`; keys that are absent keep their value.
/// Throws FieldError for an unknown key (naming the nearest known one), a wrong type, a value out
/// of range.
template <class T>
void read_fields(const Json& tree, T& options, const std::string& path = "") {
  detail::read_fields(tree, path, [&](FieldVisitor& visitor) { fields(visitor, options); });
}

/// Builds a tree from the fields.
template <class T>
Json write_fields(T options) {
  return detail::write_fields([&](FieldVisitor& visitor) { fields(visitor, options); });
}

template <class T>
std::vector<FieldHelp> explain_fields() {
  T options;
  return detail::explain_fields([&](FieldVisitor& visitor) { fields(visitor, options); });
}

}  // namespace vidgen::core
