#include <algorithm>
#include <set>

#include "eval.h"
#include "output.h"
#include "vidgen/core/error.h"
#include "vidgen/core/text.h"
#include "vidgen/report/html.h"
#include "vidgen/train/sheet.h"

namespace vidgen::cli {
namespace {

using core::cat;
using core::Json;

/// On the page: clips of each kind, and frames of each clip.
constexpr int64_t kSheetClips = 8, kSheetFrames = 8, kSheetWidth = 500;

std::vector<std::vector<std::string>> score_table(const Evaluation& evaluation) {
  std::vector<std::vector<std::string>> table{{"metric", "value", "real against real", "ideal",
                                               "mean generated", "mean real", "clips",
                                               "what it is"}};
  const auto& clips = evaluation.clips;
  for (const auto& score : evaluation.scores) {
    table.push_back({score.name, digits(score.value), digits(score.floor), digits(score.ideal),
                     digits(score.generated_mean), digits(score.real_mean),
                     cat(clips.generated.size(0), " / ", clips.real.size(0)), score.title});
  }
  return table;
}

/// The metrics of all classes, without the levels of one; classes of few clips have fewer.
std::vector<std::string> class_metrics(const Evaluation& evaluation) {
  std::set<std::string> found;
  for (const auto& one : evaluation.class_scores) {
    for (const auto& score : one.scores) found.insert(score.name);
  }
  std::vector<std::string> names;
  for (const auto& name : metrics::score_names()) {
    if (found.count(name) > 0) names.push_back(name);
  }
  return names;
}

/// "0.18 (0.97)": the value, and that of real clips in their place.
std::string class_cell(const metrics::ClassScores& one, const std::string& name) {
  const auto found = std::find_if(one.scores.begin(), one.scores.end(),
                                  [&name](const auto& score) { return score.name == name; });
  if (found == one.scores.end()) return "-";
  return cat(digits(found->value), " (", digits(found->floor), ")");
}

/// A row for each class, a column for each metric.
std::vector<std::vector<std::string>> class_table(const Evaluation& evaluation) {
  const auto names = class_metrics(evaluation);
  std::vector<std::vector<std::string>> table{{"class", "clips"}};
  table[0].insert(table[0].end(), names.begin(), names.end());
  for (const auto& one : evaluation.class_scores) {
    std::vector<std::string> row{one.name, cat(one.clips)};
    for (const auto& name : names) row.push_back(class_cell(one, name));
    table.push_back(std::move(row));
  }
  return table;
}

constexpr const char* kAboutClasses =
    "Each class for itself: so many generated clips against as many real ones, and in brackets "
    "other real clips of the class in place of the generated ones.";

Json scores_json(const std::vector<metrics::Score>& scores) {
  Json all = Json::array();
  for (const auto& score : scores) {
    all.push_back({{"name", score.name},
                   {"title", score.title},
                   {"value", number_or_null(score.value)},
                   {"real_against_real", number_or_null(score.floor)},
                   {"ideal", score.ideal},
                   {"mean_generated", number_or_null(score.generated_mean)},
                   {"mean_real", number_or_null(score.real_mean)}});
  }
  return all;
}

Json classes_json(const Evaluation& evaluation) {
  Json classes = Json::array();
  for (const auto& one : evaluation.class_scores) {
    classes.push_back(
        {{"name", one.name}, {"clips", one.clips}, {"scores", scores_json(one.scores)}});
  }
  return classes;
}

std::string summary(const Evaluation& evaluation) {
  const auto& clips = evaluation.clips;
  std::string text =
      cat(evaluation.checkpoint.path.string(), ", step ", evaluation.checkpoint.step, ": ",
          clips.generated.size(0), " generated clips of ", clips.generated.size(1), " frames, ",
          clips.generated.size(3), "x", clips.generated.size(2), ", against ", clips.real.size(0),
          " ", evaluation.real_clips, "; real against real: ", clips.other_real.size(0),
          " others of them in place of the generated ones");
  if (clips.training.size(0) > 0) text += cat("; ", clips.training.size(0), " training clips");
  return text + cat("; seed ", evaluation.seed, ".");
}

/// A row for each of the first clips, some of its frames.
video::Frame sheet(const torch::Tensor& clips) {
  const auto some = clips.narrow(0, 0, std::min(kSheetClips, clips.size(0)));
  const int64_t step = (clips.size(1) + kSheetFrames - 1) / kSheetFrames;
  return train::sheet_of(some.slice(1, 0, clips.size(1), step));
}

std::vector<double> as_vector(const torch::Tensor& values) {
  const auto flat = values.to(torch::kDouble).contiguous();
  return {flat.data_ptr<double>(), flat.data_ptr<double>() + flat.numel()};
}

}  // namespace

std::string evaluation_text(const Evaluation& evaluation) {
  std::string text = core::printable(summary(evaluation)) + "\n";
  for (const auto& note : evaluation.notes) text += "Note: " + core::printable(note) + "\n";
  text += "\n" + core::format_table(score_table(evaluation));
  if (evaluation.class_scores.empty()) return text;
  return text + "\n" + kAboutClasses + "\n\n" + core::format_table(class_table(evaluation));
}

core::Json evaluation_json(const Evaluation& evaluation) {
  const auto& clips = evaluation.clips;
  return {{"checkpoint", evaluation.checkpoint.path.string()},
          {"step", evaluation.checkpoint.step},
          {"seed", evaluation.seed},
          {"frames", clips.generated.size(1)},
          {"size", clips.generated.size(2)},
          {"real_clips", evaluation.real_clips},
          {"clips",
           {{"generated", clips.generated.size(0)},
            {"real", clips.real.size(0)},
            {"other_real", clips.other_real.size(0)},
            {"training", clips.training.size(0)}}},
          {"notes", evaluation.notes},
          {"scores", scores_json(evaluation.scores)},
          {"classes", classes_json(evaluation)}};
}

void write_evaluation_page(const Evaluation& evaluation, const std::filesystem::path& path) {
  auto body = report::paragraph(summary(evaluation));
  for (const auto& note : evaluation.notes) body += report::paragraph("Note: " + note);
  body += report::side_by_side(
      {report::picture(sheet(evaluation.clips.real), "Real: a row for each clip", kSheetWidth),
       report::picture(sheet(evaluation.clips.generated), "Generated", kSheetWidth)});
  body += report::heading("Metrics");
  body += report::table(score_table(evaluation));
  body += report::paragraph(
      "Real against real is the same number for other real clips in place of the generated ones: "
      "with so few clips, values near it cannot be told from perfect ones. Clips: generated / "
      "real.");
  if (!evaluation.class_scores.empty()) {
    body += report::heading("Classes") + report::table(class_table(evaluation)) +
            report::paragraph(kAboutClasses);
  }
  std::vector<report::Html> histograms;
  for (const auto& score : evaluation.scores) {
    if (!score.generated.defined()) continue;
    histograms.push_back(report::histogram(
        score.name + ": " + score.title,
        {{"generated", as_vector(score.generated)}, {"real", as_vector(score.real)}}));
  }
  if (!histograms.empty()) {
    body += report::heading("Distributions over clips") + report::side_by_side(histograms);
  }
  report::write_page(path, "vidgen: " + evaluation.checkpoint.path.filename().string(), body);
}

}  // namespace vidgen::cli
