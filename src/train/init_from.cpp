#include "vidgen/train/init_from.h"

#include <torch/nn/module.h>

#include <set>

#include "vidgen/core/log.h"
#include "vidgen/core/text.h"

namespace vidgen::train {
namespace {

using core::cat;
using core::Json;

/// A few of them, and how many more there are.
std::string some_of(std::vector<std::string> names) {
  constexpr size_t kShown = 4;
  const size_t count = names.size();
  if (count <= kShown) return core::join(names);
  names.resize(kShown);
  return cat(core::join(names), " and ", count - kShown, " more");
}

/// Takes what fits of a file's tensors.
class Taker {
 public:
  /// Of all tensors whose names begin with "PREFIX." in the file.
  Taker(checkpoint::Tensors tensors, std::string prefix)
      : tensors_(std::move(tensors)), prefix_(std::move(prefix)) {}

  /// `copy` has the same tensors and takes the same; null for none. What is frozen, a teacher's,
  /// stays as it is.
  void take(const std::string& name, torch::nn::Module& module, torch::nn::Module* copy = nullptr) {
    for (auto& item : module.named_parameters()) {
      if (!item.value().requires_grad()) continue;
      take_tensor(name + item.key(), item.value(),
                  copy ? copy->named_parameters()[item.key()] : torch::Tensor());
      weights_ += took(name + item.key());
    }
    for (auto& item : module.named_buffers()) {
      take_tensor(name + item.key(), item.value(),
                  copy ? copy->named_buffers()[item.key()] : torch::Tensor());
    }
  }

  bool took(const std::string& name) const { return taken_.count(name) > 0; }
  /// Those that are trained: a counter alone is nothing to begin with.
  size_t weights() const { return weights_; }
  /// [taken, all that there are in the networks].
  Json counts() const { return {taken_.size(), taken_.size() + anew_.size()}; }
  std::string text(const char* what) const {
    return cat(taken_.size(), " of ", taken_.size() + anew_.size(), " tensors of the ", what);
  }
  /// What the networks have and the file has not.
  const std::vector<std::string>& anew() const { return anew_; }
  /// What the file has and the networks have not.
  std::vector<std::string> left() const {
    std::vector<std::string> names;
    for (const auto& item : tensors_) {
      if (known_.count(item.first) == 0) names.push_back(prefix_ + item.first);
    }
    return names;
  }

 private:
  void take_tensor(const std::string& name, torch::Tensor& value, torch::Tensor copy) {
    known_.insert(name);
    const auto found = tensors_.find(name);
    const bool there = found != tensors_.end();
    const bool fits = there && found->second.sizes() == value.sizes() &&
                      found->second.scalar_type() == value.scalar_type();
    if (!fits) {
      anew_.push_back(cat(prefix_, name, " ", value.sizes(),
                          there ? cat(" (there ", found->second.sizes(), ")") : ""));
      return;
    }
    const torch::NoGradGuard no_grad;
    value.copy_(found->second);
    if (copy.defined()) copy.copy_(found->second);
    taken_.insert(name);
  }

  const checkpoint::Tensors tensors_;
  const std::string prefix_;
  std::set<std::string> known_, taken_;
  size_t weights_ = 0;
  std::vector<std::string> anew_;
};

void say_list(const std::string& what, std::vector<std::string> names,
              const std::vector<std::string>& more) {
  names.insert(names.end(), more.begin(), more.end());
  if (!names.empty()) core::log_info(cat(what, some_of(names)));
}

}  // namespace

Json take_what_fits(GanStep& gan, checkpoint::Checkpoint start) {
  checkpoint::refuse_quantized(start);
  const std::string file = start.path.string();
  Taker generator(start.tensors_under(start.generator_prefix()), "generator.");
  generator.take("", *gan.generator(), gan.ema_generator().ptr().get());
  if (generator.weights() == 0) {
    throw Error(cat(file, ": none of the weights of its generator has name and shape of one of ",
                    "model.generator and model.temporal"));
  }
  Taker discriminators(start.kind == checkpoint::Kind::kCheckpoint
                           ? start.tensors_under("discriminator.")
                           : checkpoint::Tensors(),
                       "discriminator.");
  for (size_t i = 0; i < gan.discriminators().size(); ++i) {
    discriminators.take(cat(i, "."), *gan.discriminators()[i]);
  }
  core::log_info(
      cat("begins with ", file, " (", checkpoint::kind_name(start.kind), ", step ", start.step,
          "): ", generator.text("generator"),
          gan.discriminators().empty() ? "" : cat(", ", discriminators.text("discriminators"))));
  say_list("not there, or of another shape, so new: ", generator.anew(), discriminators.anew());
  say_list("there, but without a place here: ", generator.left(), discriminators.left());

  auto masks = start.tensors_under("mask.");
  const size_t all_masks = masks.size();
  for (auto mask = masks.begin(); mask != masks.end();) {
    mask = generator.took(mask->first) ? std::next(mask) : masks.erase(mask);
  }
  if (all_masks > 0) {
    core::log_info(cat(masks.size(), " of ", all_masks,
                       " masks of pruned weights fit, and keep these at zero"));
  }
  gan.set_masks(std::move(masks));

  checkpoint::add_pass(
      start, kInitPass,
      {{"generator", generator.counts()}, {"discriminators", discriminators.counts()}});
  return std::move(start.passes);
}

Json init_event(const Json& passes) {
  if (passes.empty() || passes.back().at("pass") != kInitPass) return {};
  Json event{{"event", kInitPass}, {"from", passes.back().at("source")}};
  for (const auto& [part, counts] : passes.back().at("options").items()) {
    event[part] = cat(counts.at(0), " of ", counts.at(1), " tensors");
  }
  return event;
}

}  // namespace vidgen::train
