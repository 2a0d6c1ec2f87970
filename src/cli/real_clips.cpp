#include "real_clips.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <set>

#include "vidgen/checkpoint/run_folder.h"
#include "vidgen/config/config.h"
#include "vidgen/core/error.h"
#include "vidgen/core/text.h"
#include "vidgen/data/manifest.h"

namespace vidgen::cli {
namespace {

namespace fs = std::filesystem;
using core::cat;

/// The folder of the run, if the file is in one.
fs::path run_of(const fs::path& file) {
  std::error_code error;
  const auto folder = fs::absolute(file, error).lexically_normal().parent_path();
  return folder.filename() == "checkpoints" ? folder.parent_path() : folder;
}

/// The configuration's sections that name files.
struct Named {
  data::DataOptions data;
  train::DistillOptions distill;
};

Named read_named(const core::Json& config) {
  Named named;
  core::read_fields(config.value("data", core::Json::object()), named.data, "data");
  core::read_fields(config.value("distill", core::Json::object()), named.distill, "distill");
  return named;
}

std::optional<data::ClipDataset> training_clips_if_there(const data::DataOptions& data,
                                                         std::vector<std::string>& notes) {
  if (data.sources.empty()) {
    notes.emplace_back(
        "the training data are not read: the generator's file is not in the folder of a run whose "
        "config.yaml names the same.");
    return {};
  }
  try {
    return data::ClipDataset(data, data::prepare_clips(data), data::Split::kTrain);
  } catch (const Error& error) {
    notes.push_back(cat("the training data cannot be read: ", error.what(), "."));
    return {};
  }
}

/// The names that are in `from` but not in `known`, both sorted.
std::vector<std::string> names_beyond(const std::vector<std::string>& from,
                                      const std::vector<std::string>& known) {
  std::vector<std::string> names;
  std::set_difference(from.begin(), from.end(), known.begin(), known.end(),
                      std::back_inserter(names));
  return names;
}

/// The options as they are where the videos have classes of the generator's, else without classes:
/// real clips are then compared whatever they show. Says which it is.
data::DataOptions with_known_classes(data::DataOptions data, std::vector<std::string> known,
                                     std::vector<std::string>& notes) {
  if (known.empty() || !data.classes) {
    data.classes = false;
    return data;
  }
  std::sort(known.begin(), known.end());
  try {
    const auto found = data::class_names(data::list_videos(data));
    const auto foreign = names_beyond(found, known);
    if (foreign.size() == found.size()) {
      throw Error(cat("their folders (", core::join(found), ") are not named after them"));
    }
    if (!foreign.empty()) {
      notes.push_back(cat("real clips of ", core::join(foreign),
                          " are left out: the generator was not trained on these classes."));
    }
  } catch (const Error& error) {
    data.classes = false;
    notes.push_back(cat("the classes of the real clips are not known: ", error.what(), "."));
  }
  return data;
}

/// Which of the generator's classes no real clip is of.
void note_missing_classes(const data::EvaluationClips& clips, std::vector<std::string> known,
                          std::vector<std::string>& notes) {
  if (clips.classes.empty()) return;
  std::sort(known.begin(), known.end());
  const std::set<std::string> found(clips.classes.begin(), clips.classes.end());
  const auto missing = names_beyond(known, {found.begin(), found.end()});
  if (missing.empty()) return;
  notes.push_back(cat("there are no real clips of ", core::join(missing),
                      ", so none of these classes were generated."));
}

RealClips clips_of_source(const data::DataOptions& data, const std::string& source,
                          data::EvaluationOptions wanted) {
  RealClips result;
  result.origin = "clips of " + source;
  auto other = data;
  other.sources = {{source, 1}};
  other.validation_split = 0;
  other = with_known_classes(other, wanted.classes, result.notes);
  const data::ClipDataset real(other, data::prepare_clips(other), data::Split::kTrain);
  const auto training =
      wanted.training_count > 0 ? training_clips_if_there(data, result.notes) : std::nullopt;
  if (!training) wanted.training_count = 0;
  result.clips = data::draw_evaluation_clips(real, training ? &*training : nullptr, wanted);
  return result;
}

RealClips clips_of_data(const data::DataOptions& data, const data::EvaluationOptions& wanted) {
  RealClips result;
  const auto options = with_known_classes(data, wanted.classes, result.notes);
  result.clips = data::draw_evaluation_clips(options, data::prepare_clips(options), wanted);
  result.origin = result.clips.held_out ? "held-out clips" : "clips of the training data";
  if (!result.clips.held_out) {
    result.notes.emplace_back(
        "no clips were held out (data.validation_split is 0 or there is one file only), so the "
        "real ones "
        "were trained on.");
  }
  return result;
}

}  // namespace

bool is_of_own_run(const checkpoint::Checkpoint& checkpoint) {
  try {
    const auto config = checkpoint::RunFolder(run_of(checkpoint.path)).config();
    const auto own = read_named(config::read_yaml(config).tree),
               stored = read_named(checkpoint.config);
    const bool same_sources = std::equal(
        own.data.sources.begin(), own.data.sources.end(), stored.data.sources.begin(),
        stored.data.sources.end(), [](const auto& a, const auto& b) { return a.path == b.path; });
    return same_sources && own.data.cache_dir == stored.data.cache_dir &&
           own.distill.teacher == stored.distill.teacher;
  } catch (const Error&) {
    return false;
  } catch (const core::Json::exception&) {
    // A section that is none.
    return false;
  }
}

data::DataOptions evaluation_data(const checkpoint::Checkpoint& checkpoint,
                                  const std::vector<std::string>& assignments) {
  config::YamlTree tree{{}, {{"", checkpoint.path.string()}}, {}};
  const bool own = is_of_own_run(checkpoint);
  data::DataOptions options;
  try {
    core::read_fields(checkpoint.config.value("data", core::Json::object()), options, "data");
    tree.tree["data"] = core::write_fields(options);
    for (const auto& assignment : assignments) config::set_config_key(tree, assignment);
    core::read_fields(tree.tree.at("data"), options, "data");
    data::validate(options);
    if (!own && !tree.is_assigned("data.sources")) options.sources.clear();
    if (!own && !tree.is_assigned("data.cache_dir")) options.cache_dir.clear();
  } catch (const core::FieldError& error) {
    throw Error(cat(tree.place(error.path()), ": ", error.what()));
  }
  return options;
}

RealClips read_real_clips(const data::DataOptions& data, const std::string& source,
                          const data::EvaluationOptions& wanted) {
  auto result =
      source.empty() ? clips_of_data(data, wanted) : clips_of_source(data, source, wanted);
  note_missing_classes(result.clips, wanted.classes, result.notes);
  const int64_t count = result.clips.real.size(0);
  if (count < wanted.count) {
    result.notes.push_back(cat("there are only ", result.clips.available,
                               " real clips that share no frame, so each set has ", count,
                               " instead of ", wanted.count, "."));
  }
  return result;
}

}  // namespace vidgen::cli
