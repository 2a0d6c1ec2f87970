#include "eval.h"

#include <algorithm>
#include <iostream>
#include <memory>

#include "commands.h"
#include "output.h"
#include "real_clips.h"
#include "vidgen/checkpoint/recovery.h"
#include "vidgen/core/error.h"
#include "vidgen/core/files.h"
#include "vidgen/core/log.h"
#include "vidgen/core/text.h"
#include "vidgen/infer/generator.h"
#include "vidgen/metrics/torchscript.h"
#include "vidgen/train/options.h"

namespace vidgen::cli {
namespace {

using core::cat;
namespace fs = std::filesystem;

struct EvalArguments {
  std::string checkpoint;
  std::string data;
  std::vector<std::string> assignments;
  int64_t clips = 256;
  std::vector<std::string> metrics;
  int64_t seed = 0;
  int64_t batch = 4;
  fs::path report;
  fs::path json;
  fs::path extractor;
  std::string features;
};

void check_arguments(const EvalArguments& arguments) {
  for (const auto& assignment : arguments.assignments) {
    if (assignment.rfind("data.", 0) != 0) {
      throw Error(cat("--set ", assignment,
                      ": the rest is as trained, expected a key that begins with data."));
    }
  }
  const auto& known = metrics::score_names();
  for (const auto& name : arguments.metrics) {
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      throw Error(
          cat("--metrics: unknown metric \"", name, "\", expected some of ", core::join(known)));
    }
  }
  if (arguments.extractor.empty() != arguments.features.empty()) {
    throw Error("--extractor and --features go together");
  }
}

metrics::FeatureKind feature_kind(const std::string& name) {
  if (name == "fvd") return metrics::FeatureKind::kFvd;
  if (name == "fid") return metrics::FeatureKind::kFid;
  return name == "frame" ? metrics::FeatureKind::kFrame : metrics::FeatureKind::kClip;
}

/// Names that mean something only with the networks they are defined by are used only when the user
/// says that it is one of them.
void name_feature_scores(std::vector<metrics::Score>& scores, const EvalArguments& arguments) {
  const std::string& kind = arguments.features;
  for (auto& score : scores) {
    if (score.name == "frechet" && (kind == "fvd" || kind == "fid")) {
      score.name = kind;
      score.title = kind == "fvd" ? "FVD" : "FID";
    } else if (score.name == "kid" && kind == "fid") {
      score.title = "KID";
    } else {
      score.name = score.name == "kid" ? "kernel_distance" : score.name;
      score.title += cat(" (features of ", arguments.extractor.filename().string(), ")");
    }
  }
}

void add_feature_scores(const EvalArguments& arguments, const metrics::Extractor& extractor,
                        Evaluation& evaluation) {
  constexpr int64_t kFvdClips = 2048, kFvdFrames = 16;
  constexpr int64_t kFewestClips = 4;  // precision and recall look at the third neighbour
  const auto& clips = evaluation.clips;
  if (clips.real.size(0) < kFewestClips) {
    throw Error(cat("--extractor: needs at least ", kFewestClips, " clips in each set, there are ",
                    clips.real.size(0)));
  }
  if (arguments.features == "fvd" && clips.real.size(1) != kFvdFrames) {
    throw Error(cat("--features fvd: is defined for clips of ", kFvdFrames, " frames, these have ",
                    clips.real.size(1)));
  }
  if (arguments.features == "fvd" && clips.real.size(0) < kFvdClips) {
    evaluation.notes.push_back(cat("FVD is published for ", kFvdClips,
                                   " clips; with fewer it is larger, also for real clips."));
  }
  auto scores = metrics::score_features(clips, extractor, static_cast<uint64_t>(arguments.seed));
  name_feature_scores(scores, arguments);
  evaluation.scores.insert(evaluation.scores.end(), scores.begin(), scores.end());
}

void note_what_is_missing(const EvalArguments& arguments, Evaluation& evaluation) {
  for (const auto& name : arguments.metrics.empty() ? metrics::score_names() : arguments.metrics) {
    const bool found = std::any_of(evaluation.scores.begin(), evaluation.scores.end(),
                                   [&name](const auto& score) { return score.name == name; });
    if (found) continue;
    evaluation.notes.push_back(name + " is left out: " +
                               (name == "nearest" ? "there are no training clips to compare with."
                                                  : "the clips have too few frames."));
  }
}

/// As train.evaluate.min_class_diversity of the run, for which there was a default before it.
double min_class_diversity(const checkpoint::Checkpoint& checkpoint) {
  const auto options = core::value_or(core::value_or(checkpoint.config, "train", core::Json()),
                                      "evaluate", core::Json());
  return core::value_or(options, "min_class_diversity",
                        train::EvaluateOptions().min_class_diversity);
}

void note_collapsed_classes(Evaluation& evaluation) {
  const double limit = min_class_diversity(evaluation.checkpoint);
  std::vector<std::string> collapsed;
  for (const auto& one : evaluation.class_scores) {
    if (one.diversity().value < limit) collapsed.push_back(one.name);
  }
  if (collapsed.empty()) return;
  const auto& least = *metrics::least_diverse(evaluation.class_scores);
  evaluation.notes.push_back(
      cat("within ", collapsed.size(), " of ", evaluation.class_scores.size(), " classes (",
          core::join(collapsed), ") the generated clips are nearly all the same: those of ",
          least.name, " differ by ", core::format_number(least.diversity().generated_mean, 1),
          " grey levels, real ones by ", core::format_number(least.diversity().real_mean, 1), "."));
}

/// Each class for itself, where generated and real clips have them.
void score_classes(const data::EvaluationClips& real, const metrics::ScoreOptions& options,
                   Evaluation& evaluation) {
  if (real.classes.empty()) return;
  const metrics::ClassScorer scorer(evaluation.clips, real.classes, real.other_classes, options);
  evaluation.class_scores = scorer.score(evaluation.clips.generated);
  if (scorer.scored() < scorer.classes()) {
    evaluation.notes.push_back(cat("of ", scorer.classes(), " classes ", scorer.scored(),
                                   " have the ", metrics::kFewestForDiversity,
                                   " clips in each set that it takes to score a class."));
  }
  note_collapsed_classes(evaluation);
}

void note_classes(const infer::CompiledGenerator& generator, const data::EvaluationClips& real,
                  Evaluation& evaluation) {
  const size_t classes = generator.class_names().size();
  if (classes == 0) return;
  evaluation.notes.push_back(
      real.classes.empty()
          ? cat("the generated clips are of the ", classes, " classes in turn.")
          : cat("the clips are of the ", classes,
                " classes in turn, as far as there are real ones: as many generated as real clips "
                "of each."));
}

void run(const EvalArguments& arguments) {
  check_arguments(arguments);
  Outputs outputs;
  for (const auto& path : {arguments.report, arguments.json}) {
    if (!path.empty()) outputs.claim_file(path);
  }
  metrics::Extractor extractor;
  if (!arguments.extractor.empty()) {
    extractor = metrics::load_extractor(arguments.extractor, feature_kind(arguments.features));
  }
  Evaluation evaluation;
  evaluation.checkpoint = checkpoint::read_trained(arguments.checkpoint);
  const infer::CompiledGenerator generator(evaluation.checkpoint);
  const auto options = evaluation_data(evaluation.checkpoint, arguments.assignments);
  if (options.size != generator.shape().size) {
    throw Error(cat("--set data.size=", options.size, ": the generator makes clips of ",
                    generator.shape().size, " pixels"));
  }
  if (options.sources.empty() && arguments.data.empty()) {
    throw Error(cat(evaluation.checkpoint.path.string(), ": ", kNotOfOwnRun,
                    "; expected --data PATH, the videos to compare with"));
  }
  evaluation.seed = arguments.seed;
  data::EvaluationOptions wanted;
  wanted.count = arguments.clips;
  wanted.seed = static_cast<uint64_t>(arguments.seed);
  wanted.classes = generator.class_names();
  const auto& names = arguments.metrics;
  if (!names.empty() && std::find(names.begin(), names.end(), "nearest") == names.end())
    wanted.training_count = 0;
  const auto [real, origin, notes] = read_real_clips(options, arguments.data, wanted);
  evaluation.real_clips = origin;
  evaluation.notes = notes;
  core::log_info(cat("rendering ", real.real.size(0), " clips"));
  infer::RenderOptions render;
  render.count = real.real.size(0);
  render.frames = options.frames;
  render.seed = static_cast<uint64_t>(arguments.seed);
  render.batch = arguments.batch;
  render.classes = real.classes;
  note_classes(generator, real, evaluation);
  evaluation.clips = {generator.render(render), real.real, real.other_real, real.training};

  core::log_info("comparing");
  metrics::ScoreOptions what;
  what.names = arguments.metrics;
  what.seed = static_cast<uint64_t>(arguments.seed);
  evaluation.scores = metrics::score_clips(evaluation.clips, what);
  note_what_is_missing(arguments, evaluation);
  score_classes(real, what, evaluation);
  if (extractor) add_feature_scores(arguments, extractor, evaluation);
  if (!arguments.json.empty()) write_json(arguments.json, evaluation_json(evaluation));
  if (!arguments.report.empty()) write_evaluation_page(evaluation, arguments.report);
  std::cout << evaluation_text(evaluation);
}

void add_extractor(CLI::App& command, EvalArguments& arguments) {
  as_path(command.add_option("--extractor", arguments.extractor,
                             "A network in a TorchScript file for distances of features. It is "
                             "code: load none of unknown origin"));
  command
      .add_option("--features", arguments.features,
                  "What it takes: clip [N,3,T,H,W] or frame [N,3,H,W] from -1 to 1; or what it is: "
                  "fvd (StyleGAN-V's I3D), fid (StyleGAN's Inception)")
      ->check(CLI::IsMember({"clip", "frame", "fvd", "fid"}));
}

}  // namespace

Run add_eval(CLI::App& command) {
  auto arguments = std::make_shared<EvalArguments>();
  add_checkpoint(command, arguments->checkpoint);
  as_path(command.add_option(
      "--data", arguments->data,
      "A video or a folder of real ones, instead of the run's own. Needed for a file that is not "
      "in a run's folder"));
  command
      .add_option("--set", arguments->assignments,
                  "Set a key of the data section, as in --set data.validation_split=0.2")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  add_value(command, "--clips", arguments->clips, whole_number(2, 100000),
            "Generated clips, and real ones if there are enough");
  command
      .add_option("--metrics", arguments->metrics,
                  "Some of " + core::join(metrics::score_names(), ",") + "; all by default")
      ->delimiter(',')
      ->allow_extra_args(false);
  add_seed(command, arguments->seed, "The same seed gives the same numbers");
  add_value(command, "--batch", arguments->batch, whole_number(1, 1000),
            "Clips that are rendered at once");
  as_output(command.add_option("--report", arguments->report,
                               "Write a page with clips and diagrams here"));
  as_output(command.add_option("--json", arguments->json, "Also write the numbers here"));
  add_extractor(command, *arguments);
  return [arguments] { run(*arguments); };
}

}  // namespace vidgen::cli
