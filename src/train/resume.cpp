#include <algorithm>
#include <set>

#include "threads_note.h"
#include "vidgen/core/log.h"
#include "vidgen/train/trainer.h"

namespace vidgen::train {
namespace {

using core::cat;
using core::Json;

// These may change between the parts of a run: they decide what is written, where and when, not
// what is computed.
const std::set<std::string> kFreeKeys{"run_dir",
                                      "data.cache_dir",
                                      "data.workers",
                                      "data.on_error",
                                      "distill.teacher",  // its hash tells what it is
                                      "train.cuda_graph",
                                      "train.recompute",
                                      "train.log_every",
                                      "train.sample_every",
                                      "train.sample_minutes",
                                      "train.sample_clips",
                                      "train.checkpoint_every",
                                      "train.keep_checkpoints",
                                      "train.evaluate.every",
                                      "train.evaluate.min_diversity",
                                      "train.evaluate.min_class_diversity",
                                      "train.on_divergence",
                                      "train.saturation",
                                      "train.tensorboard",
                                      "train.report"};

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

/// Whether the key may be another one when a run goes on.
bool is_free(const std::string& key, const std::map<std::string, Json>& options) {
  if (key == "train.steps" || key == "train.minutes") {
    // The learning rates of a run that decays depend on its length. A run of some minutes may do
    // without them.
    const auto is = [&](const char* name, const Json& value) {
      const auto found = options.find(name);
      return found == options.end() || found->second == value;
    };
    return is("optim.decay", "none") && is("train.minutes", 0.0);
  }
  return kFreeKeys.count(key) > 0;
}

/// Where the videos are may have changed: checkpoints hold what tells them from others. The paths
/// of `stored` become those of `options` where it can be so. Returns what the user has to know.
std::vector<std::string> follow_sources(const checkpoint::Checkpoint& checkpoint,
                                        const std::string& videos, const data::DataOptions& options,
                                        data::DataOptions& stored) {
  std::vector<std::string> warnings;
  const auto warn = [&](const char* what) {
    warnings.push_back(cat(checkpoint.path.string(), ": ", what));
  };
  const auto found = checkpoint.file.metadata.find(kVideosKey);
  const bool known = found != checkpoint.file.metadata.end();
  const bool other = known && found->second != videos;
  bool moved = false;
  const size_t count = std::min(stored.sources.size(), options.sources.size());
  for (size_t i = 0; i < count; ++i) moved |= stored.sources[i].path != options.sources[i].path;
  if (!known && options.holdout > 0) {
    warn(
        "is of an older vidgen, which chose by other rules what data.holdout keeps from training: "
        "of what is kept now a part was trained on");
  }
  if (moved && !known) {
    warn(
        "data.sources are spelled otherwise than in this checkpoint of an older vidgen, which does "
        "not tell whether they hold the same videos");
  }
  if (!moved && other) warn("data.sources hold other videos than those that it was trained on");
  if (moved && !other) {
    for (size_t i = 0; i < count; ++i) stored.sources[i].path = options.sources[i].path;
  }
  return warnings;
}

}  // namespace

std::string first_difference(const Json& before, const Json& now, std::string& left,
                             std::string& right) {
  std::vector<std::pair<std::string, Json>> all_before, all_now;
  flatten(before, "", all_before);
  flatten(now, "", all_now);
  const std::map<std::string, Json> old(all_before.begin(), all_before.end());
  const std::map<std::string, Json> current(all_now.begin(), all_now.end());
  const auto show = [](const std::map<std::string, Json>& values, const std::string& key) {
    const auto found = values.find(key);
    return found == values.end() ? std::string("nothing") : found->second.dump();
  };
  all_now.insert(all_now.end(), all_before.begin(), all_before.end());
  for (const auto& [key, value] : all_now) {
    if (is_free(key, current)) continue;
    left = show(old, key);
    right = show(current, key);
    if (left != right) return key;
  }
  return "";
}

RunOptions with_pruned_widths(RunOptions options, const checkpoint::Checkpoint& checkpoint) {
  bool pruned = false;
  for (const auto& pass : checkpoint.passes) {
    // What was done before a distillation was done to the teacher.
    if (pass.at("pass") == "distill") pruned = false;
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

void Trainer::resume(const std::filesystem::path& path) {
  const auto checkpoint = checkpoint::read_checkpoint(path);
  checkpoint::refuse_quantized(checkpoint);
  if (checkpoint.kind != checkpoint::Kind::kCheckpoint) {
    throw Error(
        cat(path.string(),
            ": holds weights only; to resume, give a file of the folder checkpoints, or what "
            "vidgen prune --state writes"));
  }
  RunOptions stored;
  checkpoint.read_options(checkpoint.config, stored);
  std::vector<std::string> warnings;
  if (options_.reads_clips()) {
    warnings = follow_sources(checkpoint, videos_, options_.data, stored.data);
  }
  std::string before, now;
  const std::string key =
      first_difference(core::write_fields(stored), core::write_fields(options_), before, now);
  if (!key.empty()) {
    const bool videos = key.rfind("data.sources", 0) == 0;
    throw Error(cat(path.string(), ": ", key, " is ", before, " in the checkpoint and ", now,
                    " in the configuration", videos ? ", where other videos are" : ""));
  }
  for (const std::string& warning : warnings) core::log_warning(warning);
  if (checkpoint.step > options_.train.steps) {
    throw Error(cat(path.string(), ": is at step ", checkpoint.step, ", beyond train.steps ",
                    options_.train.steps));
  }
  gan_->set_masks(checkpoint.tensors_under("mask."));
  checkpoint::StateLoader loader(path, checkpoint.file);
  visit(loader);
  run_length_.visit(loader);
  loader.finish();
  step_ = checkpoint.step;
  passes_ = checkpoint.passes;
  last_good_ = path;
  warn_of_other_threads(checkpoint, device_);
  core::log_info(cat("resumed from ", path.string(), " at step ", step_));
}

void Trainer::begin_with(const checkpoint::Checkpoint& start) {
  checkpoint::load_weights(start, *gan_->generator());
  checkpoint::load_weights(start, *gan_->ema_generator());
  gan_->set_masks(start.tensors_under("mask."));
  passes_ = start.passes;
  folder_.create();
  write_checkpoint();
}

}  // namespace vidgen::train
