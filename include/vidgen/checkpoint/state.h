#pragma once

#include <torch/nn/module.h>
#include <torch/types.h>

#include <filesystem>
#include <set>
#include <string>

#include "vidgen/checkpoint/safetensors.h"

/// A component's state lists itself once: `visit(StateVisitor&, prefix)` names every tensor and
/// counter, and saving and loading both walk that list.
namespace vidgen::checkpoint {

class StateVisitor {
 public:
  virtual ~StateVisitor() = default;
  /// A tensor that exists already and keeps its place in memory.
  virtual void tensor(const std::string& name, torch::Tensor& value) = 0;
  virtual void counter(const std::string& name, int64_t& value) = 0;
  virtual void number(const std::string& name, double& value) = 0;

  /// All parameters and buffers, as "prefix.name".
  void module(const std::string& prefix, torch::nn::Module& module);
};

/// Collects the state: tensors as they are (not copied), counters and numbers as metadata.
class StateSaver : public StateVisitor {
 public:
  void tensor(const std::string& name, torch::Tensor& value) override;
  void counter(const std::string& name, int64_t& value) override;
  void number(const std::string& name, double& value) override;

  Tensors tensors;
  Metadata metadata;
};

/// Sets the state from a file that was read. All tensors must be there, with the shape and type
/// expected; otherwise throws Damaged naming the file and the tensor. Counters and numbers
/// that are absent keep their value: the file may be older than they are.
class StateLoader : public StateVisitor {
 public:
  StateLoader(std::filesystem::path path, const SafetensorsFile& file)
      : path_(std::move(path)), file_(file) {}
  void tensor(const std::string& name, torch::Tensor& value) override;
  void counter(const std::string& name, int64_t& value) override;
  void number(const std::string& name, double& value) override;
  /// Throws when the file holds a tensor that nobody asked for.
  void finish() const;

 private:
  template <class Number>
  void parse(const std::string& name, Number& value, const char* expected);

  const std::filesystem::path path_;
  const SafetensorsFile& file_;
  std::set<std::string> visited_;
};

}  // namespace vidgen::checkpoint
