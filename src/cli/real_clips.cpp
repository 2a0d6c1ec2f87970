#include "real_clips.h"

#include <optional>

#include "vidgen/config/config.h"
#include "vidgen/core/error.h"

namespace vidgen::cli {
namespace {

using core::cat;

std::optional<data::ClipDataset> training_clips_if_there(const data::DataOptions& data,
                                                         std::vector<std::string>& notes) {
  try {
    return data::ClipDataset(data, data::prepare_clips(data), data::Split::kTrain);
  } catch (const Error& error) {
    notes.push_back(cat("the training data cannot be read: ", error.what(), "."));
    return {};
  }
}

RealClips clips_of_source(const data::DataOptions& data, const std::string& source,
                          data::EvaluationOptions wanted) {
  RealClips result;
  result.origin = "clips of " + source;
  auto other = data;
  other.sources = {{source, 1}};
  other.holdout = 0;
  const data::ClipDataset real(other, data::prepare_clips(other), data::Split::kTrain);
  const auto training =
      wanted.training_count > 0 ? training_clips_if_there(data, result.notes) : std::nullopt;
  if (!training) wanted.training_count = 0;
  result.clips = data::draw_evaluation_clips(real, training ? &*training : nullptr, wanted);
  return result;
}

RealClips clips_of_data(const data::DataOptions& data, const data::EvaluationOptions& wanted) {
  RealClips result;
  result.clips = data::draw_evaluation_clips(data, data::prepare_clips(data), wanted);
  result.origin = result.clips.held_out ? "held-out clips" : "clips of the training data";
  if (!result.clips.held_out) {
    result.notes.emplace_back(
        "no clips were held out (data.holdout is 0 or there is one file only), so the real ones "
        "were trained on.");
  }
  return result;
}

}  // namespace

data::DataOptions evaluation_data(const checkpoint::Checkpoint& checkpoint,
                                  const std::vector<std::string>& assignments) {
  config::YamlTree tree{checkpoint.config, {{"", checkpoint.path.string()}}, {}};
  for (const auto& assignment : assignments) config::set_config_key(tree, assignment);
  data::DataOptions options;
  try {
    core::read_fields(tree.tree.at("data"), options, "data");
    data::validate(options);
  } catch (const core::FieldError& error) {
    throw Error(cat(tree.place(error.path()), ": ", error.what()));
  }
  options.classes = false;  // real clips are compared whatever their class
  return options;
}

RealClips read_real_clips(const data::DataOptions& data, const RealClipsOptions& options) {
  data::EvaluationOptions wanted;
  wanted.count = options.count;
  wanted.seed = static_cast<uint64_t>(options.seed);
  if (!options.training) wanted.training_count = 0;
  auto result = options.source.empty() ? clips_of_data(data, wanted)
                                       : clips_of_source(data, options.source, wanted);
  const int64_t count = result.clips.real.size(0);
  if (count < options.count) {
    result.notes.push_back(cat("there are only ", result.clips.available,
                               " real clips that share no frame, so each set has ", count,
                               " instead of ", options.count, "."));
  }
  return result;
}

}  // namespace vidgen::cli
