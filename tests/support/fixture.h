#pragma once

#include <gtest/gtest.h>
#include <torch/types.h>

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "vidgen/checkpoint/safetensors.h"
#include "vidgen/core/error.h"
#include "vidgen/core/json.h"

/// Inputs and outputs computed by the reference (tests/fixtures/README.md). Shapes and
/// hyper-parameters come from the files, so that another set, named by the environment variable
/// VIDGEN_FIXTURES, runs through the same tests.
namespace vidgen::test {

inline std::filesystem::path fixtures_folder() {
  const char* other = std::getenv("VIDGEN_FIXTURES");
  return other && *other ? other : VIDGEN_TEST_DATA "/fixtures";
}

inline core::Json manifest() {
  const auto path = fixtures_folder() / "MANIFEST.json";
  std::ifstream file(path);
  if (!file) throw Error(path.string() + ": cannot be read");
  return core::Json::parse(file);
}

/// One case of the manifest with its file.
class Fixture {
 public:
  explicit Fixture(const std::string& case_name) : name_(case_name) {
    const core::Json all = manifest();
    for (const auto& entry : all.at("cases")) {
      if (entry.at("name") == case_name) case_ = entry;
    }
    if (case_.is_null()) throw Error("no fixture is called " + case_name);
    const std::string file = case_.at("file");
    tensors_ = checkpoint::read_safetensors(fixtures_folder() / file).tensors;
  }

  /// The manifest's entry: "params", "tensors", "hex", ...
  const core::Json& entry() const { return case_; }

  /// A hyper-parameter.
  const core::Json& param(const std::string& name) const {
    const auto& params = case_.at("params");
    if (!params.contains(name)) throw Error(name_ + " has no parameter " + name);
    return params.at(name);
  }
  int64_t integer(const std::string& name) const { return param(name).get<int64_t>(); }
  double number(const std::string& name) const { return param(name).get<double>(); }
  std::vector<int64_t> integers(const std::string& name) const {
    return param(name).get<std::vector<int64_t>>();
  }

  /// Whether the file holds this tensor.
  bool has(const std::string& name) const { return tensors_.count(name) > 0; }
  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const auto& item : tensors_) names.push_back(item.first);
    return names;
  }
  /// A tensor of the file, F16 (only a way to store it) as float32.
  torch::Tensor tensor(const std::string& name) const {
    const auto found = tensors_.find(name);
    if (found == tensors_.end()) throw Error(name_ + " has no tensor " + name);
    const auto& tensor = found->second;
    return tensor.scalar_type() == torch::kHalf ? tensor.to(torch::kFloat) : tensor;
  }

  /// Adds a test failure unless `got` has the shape of the tensor `name` and lies everywhere within
  /// the tolerance of its line in the manifest, |got - want| <= atol + rtol * |want|. 0, 0 means
  /// equal.
  void expect_close(const std::string& name, const torch::Tensor& got) const {
    const auto want = tensor(name);
    const std::string label = name_ + ": " + name;
    if (!got.defined()) {
      ADD_FAILURE() << label << " is undefined";
    } else if (got.sizes() != want.sizes()) {
      ADD_FAILURE() << label << " has shape " << got.sizes() << ", expected " << want.sizes();
    } else {
      const auto& line = case_.at("tensors").at(name);
      if (line.size() < 4) throw Error(label + " has no tolerance: it is not an expected result");
      compare(label, got, want, line.at(2).get<double>(), line.at(3).get<double>());
    }
  }

 private:
  static torch::Tensor wide(const torch::Tensor& tensor) {
    const bool whole = c10::isIntegralType(tensor.scalar_type(), /*includeBool=*/true);
    return tensor.detach().to(torch::kCPU, whole ? torch::kLong : torch::kDouble).flatten();
  }

  static void compare(const std::string& label, const torch::Tensor& got_any,
                      const torch::Tensor& want_any, double rtol, double atol) {
    const auto got = wide(got_any);
    const auto want = wide(want_any);
    const auto allowed = atol + rtol * want.to(torch::kDouble).abs();
    const auto difference = (got - want).to(torch::kDouble).abs();
    const auto same = got.eq(want).logical_or(got.ne(got).logical_and(want.ne(want)));
    const auto good = same.logical_or(rtol == 0 && atol == 0 ? same : difference.le(allowed));
    if (good.all().item<bool>()) return;

    const auto excess = (difference - allowed).nan_to_num(HUGE_VAL, HUGE_VAL);
    const auto worst = excess.masked_fill(good, -HUGE_VAL).argmax().item<int64_t>();
    ADD_FAILURE() << label << ": " << good.logical_not().sum().item<int64_t>() << " of "
                  << good.numel() << " elements are out of tolerance; worst at "
                  << position(worst, want_any.sizes()) << ": got " << text(got[worst]) << ", want "
                  << text(want[worst]) << ", allowed difference " << text(allowed[worst]);
  }

  static std::string text(const torch::Tensor& value) {
    std::ostringstream out;
    out.precision(10);
    if (value.scalar_type() == torch::kLong) {
      out << value.item<int64_t>();
    } else {
      out << value.item<double>();
    }
    return out.str();
  }

  /// "[1, 0, 3]" for an index into the flattened tensor.
  static std::string position(int64_t index, torch::IntArrayRef sizes) {
    std::string text;
    for (auto size = sizes.rbegin(); size != sizes.rend(); ++size) {
      text = std::to_string(index % *size) + (text.empty() ? "" : ", ") + text;
      index /= *size;
    }
    return "[" + text + "]";
  }

  std::string name_;
  core::Json case_;
  checkpoint::Tensors tensors_;
};

}  // namespace vidgen::test
