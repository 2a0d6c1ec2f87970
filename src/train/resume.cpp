#include <algorithm>
#include <optional>
#include <set>

#include "threads_note.h"
#include "vidgen/core/log.h"
#include "vidgen/core/text.h"
#include "vidgen/data/video_set.h"
#include "vidgen/train/changes.h"
#include "vidgen/train/trainer.h"

namespace vidgen::train {
namespace {

using core::cat;
using core::Json;

/// What tensors may be missing in the checkpoint, or be of another shape there, since they are
/// state of what can be switched on and off.
std::vector<std::string> switched(const RunOptions& stored, const RunOptions& options) {
  std::vector<std::string> prefixes{"scaler.", "augment.", "meters."};
  if (stored.is_adversarial() != options.is_adversarial()) {
    prefixes.insert(prefixes.end(), {"discriminator.", "optimizer.discriminator."});
  }
  return prefixes;
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

/// A line for each that there is something to say of, and the same for the log.
class Story {
 public:
  explicit Story(const checkpoint::Checkpoint& checkpoint)
      : event_{{"event", "resumed"}, {"from", checkpoint.path.filename().string()}} {}

  void add(const std::vector<Change>& changes) {
    for (const Change& change : changes) add(change.key, change.values());
  }
  void add(const std::string& what, const std::string& text) {
    if (text.empty()) return;
    lines_.push_back(cat(what, ": ", text));
    event_[what] = text;
  }
  void tell() const {
    for (const std::string& line : lines_) core::log_info(line);
  }
  /// Null where nothing is another.
  Json event() const { return lines_.empty() ? Json() : event_; }

 private:
  std::vector<std::string> lines_;
  Json event_;
};

bool contains(const std::vector<Change>& changes, const std::string& key) {
  return std::any_of(changes.begin(), changes.end(),
                     [&key](const Change& change) { return change.key == key; });
}

/// Nothing where an older vidgen wrote the checkpoint.
std::optional<data::VideoSet> videos_of(const checkpoint::Checkpoint& checkpoint) {
  const auto found = checkpoint.file.metadata.find(kVideosKey);
  return found == checkpoint.file.metadata.end() ? std::nullopt
                                                 : data::VideoSet::parse(found->second);
}

}  // namespace

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

checkpoint::StateLoader Trainer::load_state(const checkpoint::Checkpoint& checkpoint) {
  RunOptions stored;
  checkpoint.read_options(checkpoint.config, stored);
  checkpoint::StateLoader loader(checkpoint.path, checkpoint.file);
  loader.let_begin_anew(switched(stored, options_));
  visit(loader);
  const auto& metadata = checkpoint.file.metadata;
  const auto names = metadata.find(kMetersKey);
  const bool others = names != metadata.end() && names->second != core::join(gan_->metric_names());
  if (others || loader.begun_anew().count("meters.sums") > 0) reset_meters();
  return loader;
}

void Trainer::resume(const checkpoint::Checkpoint& checkpoint) {
  const auto& path = checkpoint.path;
  checkpoint::refuse_quantized(checkpoint);
  if (checkpoint.kind != checkpoint::Kind::kCheckpoint) {
    throw Error(
        cat(path.string(),
            ": holds weights only; to resume, give a file of the folder checkpoints, or what "
            "vidgen prune --state writes; a new run begins with it by --init-from ",
            path.string()));
  }
  RunOptions stored;
  checkpoint.read_options(checkpoint.config, stored);
  const auto changes = changes_between(core::write_fields(stored), core::write_fields(options_));
  refuse_what_is_not_free(checkpoint, changes);
  if (checkpoint.step > options_.train.steps) {
    throw Error(cat(path.string(), ": is at step ", checkpoint.step, ", beyond train.steps ",
                    options_.train.steps));
  }
  gan_->set_masks(checkpoint.tensors_under("mask."));
  auto loader = load_state(checkpoint);
  run_length_.visit(loader);
  loader.finish();
  forget_best_without_score(checkpoint);
  step_ = checkpoint.step;
  passes_ = checkpoint.passes;
  last_good_ = path;
  if (contains(changes, "train.steps") || contains(changes, "train.minutes")) {
    run_length_.count_anew(step_);
  }
  warn_of_other_threads(checkpoint, device_);
  core::log_info(cat("resumed from ", path.string(), " at step ", step_));

  Story story(checkpoint);
  story.add(changes);
  const auto videos = videos_of(checkpoint);
  const bool compared = videos_ && videos, unknown = videos_ && !videos && stored.reads_clips();
  const std::string other_videos = compared ? videos_->changes_since(*videos) : "";
  // An older vidgen held out others.
  const bool holds_out_more =
      options_.data.validation_split > (unknown ? 0 : stored.data.validation_split) &&
      videos_.has_value();
  story.add("data",
            unknown ? "cannot be compared, as an older vidgen wrote the checkpoint" : other_videos);
  story.add("begins anew", groups_of(loader.begun_anew()));
  story.add("no longer needed", groups_of(loader.left()));
  if (best_step_ >= 0 && (!other_videos.empty() || holds_out_more || changes_scores(changes))) {
    story.add("best", cat("that of step ", best_step_,
                          " cannot be compared with what comes; looking for the best from now on"));
    best_step_ = -1;
  }
  story.tell();
  if (holds_out_more) {
    core::log_warning(cat("data.validation_split ", options_.data.validation_split,
                          ": of what is held out now a part was trained on"));
  }
  if (const Json event = story.event(); !event.is_null()) events_.push_back(event);
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
