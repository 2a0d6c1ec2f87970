#include "yaml_limits.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <sstream>

#include "vidgen/core/error.h"

namespace vidgen::config {
namespace {

using core::cat;

class SizeCheck final : public YAML::EventHandler {
 public:
  explicit SizeCheck(const std::string& name) : name_(name) {}

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1) fail(mark, "begins a second document, expected one");
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t) override { count(mark); }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override { count(mark); }
  void OnScalar(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                const std::string&) override {
    count(mark);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    enter(mark);
  }
  void OnSequenceEnd() override { --depth_; }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {
    enter(mark);
  }
  void OnMapEnd() override { --depth_; }

 private:
  void count(const YAML::Mark& mark) {
    // Each with its key.
    if (++nodes_ > 2 * kMaxNodes) fail(mark, cat("holds more than ", kMaxNodes, " values"));
  }
  void enter(const YAML::Mark& mark) {
    count(mark);
    if (++depth_ > kMaxDepth + 1) fail(mark, cat("is nested more than ", kMaxDepth, " deep"));
  }
  [[noreturn]] void fail(const YAML::Mark& mark, const std::string& problem) const {
    throw Error(cat(name_, ":", mark.line + 1, ":", mark.column + 1, ": ", problem));
  }

  const std::string& name_;
  size_t documents_ = 0;
  size_t nodes_ = 0;
  size_t depth_ = 0;
};

}  // namespace

void check_yaml_size(const std::string& text, const std::string& name) {
  std::istringstream in(text);
  YAML::Parser parser(in);
  SizeCheck check(name);
  while (parser.HandleNextDocument(check)) {
  }
}

}  // namespace vidgen::config
