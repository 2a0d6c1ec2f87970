#include "resumption.h"

#include <algorithm>
#include <set>

#include "vidgen/core/log.h"
#include "vidgen/core/text.h"
#include "vidgen/train/init_from.h"
#include "vidgen/train/trainer.h"

namespace vidgen::train {
namespace {

using core::cat;
using core::Json;

/// "scaler.generator" of "scaler.generator.scale", and others; "" for none.
std::string groups_of(const std::set<std::string>& names) {
  std::set<std::string> groups;
  for (const std::string& name : names) {
    const size_t last = name.find('.', name.find('.') + 1);
    groups.insert(name.substr(0, last));
  }
  groups.erase("meters.sums");
  return core::join({groups.begin(), groups.end()});
}

/// Nothing where an older vidgen wrote the checkpoint.
std::optional<data::VideoSet> videos_of(const checkpoint::Checkpoint& checkpoint) {
  const auto found = checkpoint.file.metadata.find(kVideosKey);
  return found == checkpoint.file.metadata.end() ? std::nullopt
                                                 : data::VideoSet::parse(found->second);
}

}  // namespace

std::vector<std::string> switched_state(const RunOptions& stored, const RunOptions& options) {
  std::vector<std::string> prefixes{"scaler.", "augment.", "meters."};
  if (stored.is_adversarial() != options.is_adversarial()) {
    prefixes.insert(prefixes.end(), {"discriminator.", "optimizer.discriminator."});
  }
  return prefixes;
}

Resumption::Resumption(const checkpoint::Checkpoint& checkpoint, const RunOptions& options)
    : checkpoint_(checkpoint),
      options_(options),
      event_{{"event", "resumed"}, {"from", checkpoint.path.filename().string()}} {
  const auto path = checkpoint.path.string();
  checkpoint::refuse_quantized(checkpoint);
  if (checkpoint.kind != checkpoint::Kind::kCheckpoint) {
    throw Error(
        cat(path,
            ": holds weights only; to resume, give a file of the folder checkpoints, or what "
            "vidgen prune --state writes; a new run begins with it by --init-from ",
            path));
  }
  checkpoint.read_options(checkpoint.config, stored_);
  changes_ = changes_between(core::write_fields(stored_), core::write_fields(options));
  refuse_what_is_not_free(checkpoint, changes_);
  if (checkpoint.step > options.train.steps) {
    throw Error(
        cat(path, ": is at step ", checkpoint.step, ", beyond train.steps ", options.train.steps));
  }
  for (const Change& change : changes_) add(change.key, change.values());
}

bool Resumption::changes_length() const {
  return std::any_of(changes_.begin(), changes_.end(), [](const Change& change) {
    return change.key == "train.steps" || change.key == "train.minutes";
  });
}

void Resumption::add(const std::string& what, const std::string& text) {
  if (text.empty()) return;
  lines_.push_back(cat(what, ": ", text));
  event_[what] = text;
}

void Resumption::add_videos(const std::optional<data::VideoSet>& videos) {
  if (!videos) return;
  const auto before = videos_of(checkpoint_);
  // An older vidgen held out others.
  const bool unknown = !before && stored_.reads_clips();
  holds_out_more_ = options_.data.validation_split > (unknown ? 0 : stored_.data.validation_split);
  const auto changes = before ? videos->changes_since(*before) : "";
  other_videos_ = !changes.empty();
  add("data", unknown ? "cannot be compared, as an older vidgen wrote the checkpoint" : changes);
}

void Resumption::add_state(const checkpoint::StateLoader& loader) {
  add("begins anew", groups_of(loader.begun_anew()));
  add("no longer needed", groups_of(loader.left()));
}

bool Resumption::keeps_scores() const {
  return !other_videos_ && !holds_out_more_ && !changes_scores(changes_);
}

void Resumption::add_best_forgotten(int64_t step) {
  add("best", cat("that of step ", step,
                  " cannot be compared with what comes; looking for the best from now on"));
}

Json Resumption::tell() const {
  for (const std::string& line : lines_) core::log_info(line);
  if (holds_out_more_) {
    core::log_warning(cat("data.validation_split ", options_.data.validation_split,
                          ": of what is held out now a part was trained on"));
  }
  return lines_.empty() ? Json() : event_;
}

RunOptions with_pruned_widths(RunOptions options, const checkpoint::Checkpoint& checkpoint) {
  bool pruned = false;
  for (const auto& pass : checkpoint.passes) {
    // What was done before a distillation was done to the teacher, and before a new run began with
    // a file to another run's generator.
    if (pass.at("pass") == "distill" || pass.at("pass") == kInitPass) pruned = false;
    if (pass.at("pass") == "prune" && pass.at("options").value("method", Json()) == "structured") {
      pruned = true;
    }
  }
  if (!pruned) return options;
  auto& widths = options.model.generator.widths;
  const auto found = checkpoint::model_options(checkpoint).generator.widths;
  if (widths == found) return options;
  widths = found;
  core::log_info(cat("model.generator.widths become those of ", checkpoint.path.string(),
                     ", which was pruned: ", torch::IntArrayRef(widths)));
  return options;
}

}  // namespace vidgen::train
