#pragma once

#include <torch/nn/module.h>
#include <torch/types.h>

#include <filesystem>
#include <set>
#include <string>
#include <utility>
#include <vector>

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
/// expected, but for those that may begin anew; otherwise throws Damaged naming the file and
/// the tensor. Counters and numbers
/// that are absent keep their value: the file may be older than they are.
class StateLoader : public StateVisitor {
 public:
  StateLoader(std::filesystem::path path, const SafetensorsFile& file)
      : path_(std::move(path)), file_(file) {}
  /// Tensors whose names begin with one of these keep their value where the file has none of their
  /// shape and type, and may be left in the file.
  void let_begin_anew(std::vector<std::string> prefixes) { prefixes_ = std::move(prefixes); }
  const std::set<std::string>& begun_anew() const { return begun_anew_; }
  /// Those left in the file, after finish().
  const std::set<std::string>& left() const { return left_; }

  void tensor(const std::string& name, torch::Tensor& value) override;
  void counter(const std::string& name, int64_t& value) override;
  void number(const std::string& name, double& value) override;
  /// Throws when the file holds a tensor that nobody asked for.
  void finish();

 private:
  template <class Number>
  void parse(const std::string& name, Number& value, const char* expected);

  const std::filesystem::path path_;
  const SafetensorsFile& file_;
  bool may_begin_anew(const std::string& name) const;

  std::vector<std::string> prefixes_;
  std::set<std::string> visited_, begun_anew_, left_;
};

}  // namespace vidgen::checkpoint
