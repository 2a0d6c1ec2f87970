#include "vidgen/checkpoint/state.h"

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

void StateLoader::tensor(const std::string& name, torch::Tensor& value) {
  visited_.insert(name);
  const auto found = file_.tensors.find(name);
  if (found == file_.tensors.end()) {
    throw Error(cat(path_.string(), ": tensor ", name, " is missing, expected ", describe(value)));
  }
  const torch::Tensor& stored = found->second;
  if (stored.sizes() != value.sizes() || stored.scalar_type() != value.scalar_type()) {
    throw Error(cat(path_.string(), ": tensor ", name, " is ", describe(stored), ", expected ",
                    describe(value)));
  }
  torch::NoGradGuard no_grad;
  value.copy_(stored);
}

void StateLoader::counter(const std::string& name, int64_t& value) {
  const auto found = file_.metadata.find(name);
  const std::string text = found == file_.metadata.end() ? "" : found->second;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    throw Error(
        cat(path_.string(), ": metadata ", name, " is \"", text, "\", expected an integer"));
  }
}

void StateLoader::finish() const {
  for (const auto& [name, tensor] : file_.tensors) {
    if (visited_.count(name) == 0) {
      throw Error(cat(path_.string(), ": tensor ", name, " (", describe(tensor),
                      ") has no place in this model"));
    }
  }
}

}  // namespace vidgen::checkpoint
