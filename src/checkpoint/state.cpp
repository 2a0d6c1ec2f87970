#include "vidgen/checkpoint/state.h"

#include <algorithm>
#include <charconv>

#include "vidgen/core/error.h"

namespace vidgen::checkpoint {
namespace {

using core::cat;

std::string describe(const torch::Tensor& tensor) {
  return cat(c10::toString(tensor.scalar_type()), " ", tensor.sizes());
}

}  // namespace

void StateVisitor::module(const std::string& prefix, torch::nn::Module& module) {
  for (auto& item : module.named_parameters()) tensor(cat(prefix, ".", item.key()), item.value());
  for (auto& item : module.named_buffers()) tensor(cat(prefix, ".", item.key()), item.value());
}

void StateSaver::tensor(const std::string& name, torch::Tensor& value) {
  tensors[name] = value.detach();
}

void StateSaver::counter(const std::string& name, int64_t& value) {
  metadata[name] = std::to_string(value);
}

void StateSaver::number(const std::string& name, double& value) {
  // The shortest text that gives the same number again.
  char text[32];
  const auto written = std::to_chars(text, text + sizeof(text), value);
  metadata[name] = std::string(text, written.ptr);
}

bool StateLoader::may_begin_anew(const std::string& name) const {
  return std::any_of(prefixes_.begin(), prefixes_.end(), [&name](const std::string& prefix) {
    return name.compare(0, prefix.size(), prefix) == 0;
  });
}

void StateLoader::tensor(const std::string& name, torch::Tensor& value) {
  visited_.insert(name);
  const auto found = file_.tensors.find(name);
  const bool fits = found != file_.tensors.end() && found->second.sizes() == value.sizes() &&
                    found->second.scalar_type() == value.scalar_type();
  if (!fits && may_begin_anew(name)) {
    begun_anew_.insert(name);
    return;
  }
  if (!fits) {
    const bool missing = found == file_.tensors.end();
    throw Damaged(
        path_, cat(path_.string(), ": tensor ", name, " is ",
                   missing ? "missing" : describe(found->second), ", expected ", describe(value)));
  }
  torch::NoGradGuard no_grad;
  value.copy_(found->second);
}

template <class Number>
void StateLoader::parse(const std::string& name, Number& value, const char* expected) {
  const auto found = file_.metadata.find(name);
  if (found == file_.metadata.end()) return;
  const std::string& text = found->second;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    throw Damaged(
        path_, cat(path_.string(), ": metadata ", name, " is \"", text, "\", expected ", expected));
  }
}

void StateLoader::counter(const std::string& name, int64_t& value) {
  parse(name, value, "an integer");
}

void StateLoader::number(const std::string& name, double& value) { parse(name, value, "a number"); }

void StateLoader::finish() {
  for (const auto& [name, tensor] : file_.tensors) {
    if (visited_.count(name) > 0) continue;
    if (may_begin_anew(name)) {
      left_.insert(name);
    } else {
      throw Error(cat(path_.string(), ": tensor ", name, " (", describe(tensor),
                      ") has no place in this model"));
    }
  }
}

}  // namespace vidgen::checkpoint
