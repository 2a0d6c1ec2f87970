#pragma once

#include <ATen/core/Generator.h>
#include <torch/types.h>

#include <cstdint>
#include <utility>

namespace vidgen::models {

/// What B clips are asked to be. A part that is undefined asks for nothing. Another kind of
/// condition is a member and a line of visit(); what carries conditions treats all parts alike.
struct Condition {
  /// [B] int64, the class of each clip.
  torch::Tensor labels{};

  /// Calls see(name, part) for each part that is defined, always in the same order.
  template <class See>
  void for_each(const See& see) const {
    visit(*this, see);
  }
  template <class See>
  void for_each(const See& see) {
    visit(*this, see);
  }
  /// With change(part) in place of each part that is defined.
  template <class Change>
  Condition map(const Change& change) const {
    Condition changed = *this;
    changed.for_each([&change](const char*, torch::Tensor& part) { part = change(part); });
    return changed;
  }

  /// Whether nothing is asked for.
  bool empty() const;
  /// B; 0 when empty.
  int64_t clips() const;
  Condition to(torch::Device device, bool non_blocking = false) const;
  /// That of `count` clips from the first one on.
  Condition narrow(int64_t first, int64_t count) const;
  /// That of the clips whose numbers `rows` [n] int64 holds, on the same device.
  Condition index(const torch::Tensor& rows) const;
  /// That of each clip `count` times, one behind the other.
  Condition repeat(int64_t count) const;

 private:
  template <class Self, class See>
  static void visit(Self& self, const See& see) {
    const auto part = [&see](const char* name, auto& tensor) {
      if (tensor.defined()) see(name, tensor);
    };
    part("labels", self.labels);
  }
};

/// What the clips of a network can be asked to be.
struct ConditionOptions {
  /// Classes of clips; 0 for clips that have none.
  int64_t classes = 0;
  /// What a generator learns for each class: so many numbers.
  int64_t class_dim = 32;
};

/// Says what clip number 0, 1, 2, ... is asked to be, from a list.
class ConditionSampler {
 public:
  /// Each class once; an empty list without classes.
  explicit ConditionSampler(const ConditionOptions& options);
  /// The list, on the CPU.
  explicit ConditionSampler(Condition list) : list_(std::move(list)) {}

  /// Clips number `first`, first + 1, ... take what is in the list in turn. Empty where the list
  /// is.
  Condition in_turn(int64_t clips, int64_t first = 0) const;
  /// Each in the list is as likely. Empty where the list is, and then nothing is drawn.
  Condition at_random(int64_t clips, at::Generator generator) const;

 private:
  Condition list_;
};

}  // namespace vidgen::models
