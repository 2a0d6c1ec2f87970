#include "vidgen/train/changes.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <map>
#include <set>

#include "vidgen/core/log.h"
#include "vidgen/core/text.h"
#include "vidgen/train/init_from.h"
#include "vidgen/train/trainer.h"

namespace vidgen::train {
namespace {

using core::cat;
using core::Json;

void flatten(const Json& tree, const std::string& path,
             std::vector<std::pair<std::string, Json>>& out) {
  if (tree.is_object()) {
    for (const auto& [key, value] : tree.items())
      flatten(value, path.empty() ? key : cat(path, ".", key), out);
  } else if (tree.is_array() && !tree.empty() && tree[0].is_object()) {
    for (size_t i = 0; i < tree.size(); ++i) flatten(tree[i], cat(path, "[", i, "]"), out);
  } else {
    out.emplace_back(path, tree);
  }
}

/// "a[].b" of "a[12].b".
std::string without_indices(const std::string& key) {
  std::string text;
  bool inside = false;
  for (const char letter : key) {
    inside &= letter != ']';
    if (!inside) text += letter;
    inside |= letter == '[';
  }
  return text;
}

std::string shown(const Json& value) {
  constexpr size_t kMost = 200;
  if (value.is_null()) return "nothing";
  const std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  return text.size() > kMost ? core::cut_utf8(text, kMost) + "..." : text;
}

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

constexpr const char* kThreadsKey = "threads";

/// Throws vidgen::Error naming the first key that may not be another one, and how to begin a new
/// run with the checkpoint.
void refuse_what_is_not_free(const checkpoint::Checkpoint& checkpoint,
                             const std::vector<Change>& changes) {
  for (const Change& change : changes) {
    const auto what = at_resume(change.key);
    if (what == core::AtResume::kFree) continue;
    const std::string file = checkpoint.path.string();
    throw Error(cat(file, ": ", change.key, " is ", shown(change.before), " in the checkpoint and ",
                    shown(change.now), " in the configuration",
                    what == core::AtResume::kNever
                        ? ", which makes another run; give it another --run-dir"
                        : cat(", which makes other networks; a new run begins with what fits of "
                              "it: vidgen train CONFIG --run-dir ANOTHER --init-from ",
                              file)));
  }
}

}  // namespace

std::string Change::values() const { return cat(shown(before), " -> ", shown(now)); }

std::vector<Change> changes_between(const Json& before, const Json& now) {
  std::vector<std::pair<std::string, Json>> all_before, all;
  flatten(before, "", all_before);
  flatten(now, "", all);
  const std::map<std::string, Json> old(all_before.begin(), all_before.end());
  const std::map<std::string, Json> current(all.begin(), all.end());
  const auto value = [](const std::map<std::string, Json>& values, const std::string& key) {
    const auto found = values.find(key);
    return found == values.end() ? Json() : found->second;
  };
  all.insert(all.end(), all_before.begin(), all_before.end());
  std::vector<Change> changes;
  std::set<std::string> seen;
  for (const auto& item : all) {
    const std::string& key = item.first;
    if (!seen.insert(key).second) continue;
    Change change{key, value(old, key), value(current, key)};
    if (change.before != change.now) changes.push_back(std::move(change));
  }
  return changes;
}

core::AtResume at_resume(const std::string& key) {
  static const auto known = [] {
    std::map<std::string, core::AtResume> all;
    for (const auto& entry : core::explain_fields<RunOptions>()) all[entry.path] = entry.at_resume;
    return all;
  }();
  const auto found = known.find(without_indices(key));
  return found == known.end() ? core::AtResume::kNever : found->second;
}

bool changes_scores(const std::vector<Change>& changes) {
  static const std::set<std::string> of_evaluation{"train.evaluate.metric", "train.evaluate.clips"};
  // Where the videos are is not what is in them.
  static const std::set<std::string> of_other_data{"data.sources[].path", "data.cache_dir",
                                                   "data.workers", "data.on_error"};
  return std::any_of(changes.begin(), changes.end(), [](const Change& change) {
    if (of_evaluation.count(change.key) > 0) return true;
    return change.key.rfind("data.", 0) == 0 &&
           of_other_data.count(without_indices(change.key)) == 0;
  });
}

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

void note_threads(std::map<std::string, std::string>& metadata, torch::Device device) {
  if (device.is_cpu()) metadata[kThreadsKey] = std::to_string(at::get_num_threads());
}

void warn_of_other_threads(const checkpoint::Checkpoint& checkpoint, torch::Device device) {
  const auto& metadata = checkpoint.file.metadata;
  const auto found = metadata.find(kThreadsKey);
  const auto now = std::to_string(at::get_num_threads());
  if (!device.is_cpu() || found == metadata.end() || found->second == now) return;
  core::log_warning(core::cat(checkpoint.path.string(), ": was computed on ", found->second,
                              " CPU threads and goes on on ", now,
                              ", which round differently; OMP_NUM_THREADS=", found->second,
                              " in the environment keeps to the "
                              "last bit"));
}

}  // namespace vidgen::train
