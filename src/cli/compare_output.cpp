#include <algorithm>
#include <cmath>

#include "compare.h"
#include "output.h"
#include "vidgen/core/error.h"
#include "vidgen/core/files.h"
#include "vidgen/core/text.h"
#include "vidgen/report/html.h"
#include "vidgen/train/sheet.h"
#include "vidgen/video/writer.h"

namespace vidgen::cli {
namespace {

using core::cat;
using core::Json;
namespace fs = std::filesystem;

/// What stands for a number that there is not.
constexpr const char* kNone = "-";

/// "1.234 (1.2 to 1.3)", milliseconds: the median, the least and the most.
std::string time_words(const bench::Samples& samples) {
  if (samples.seconds.empty()) return kNone;
  const auto [least, most] = std::minmax_element(samples.seconds.begin(), samples.seconds.end());
  return cat(digits(samples.median() * 1e3), " (", digits(*least * 1e3), " to ",
             digits(*most * 1e3), ")");
}

/// Each model's number, which is its heading in the pictures.
std::vector<std::string> model_numbers(const Comparison& comparison) {
  std::vector<std::string> numbers;
  for (size_t i = 1; i <= comparison.models.size(); ++i) numbers.push_back(std::to_string(i));
  return numbers;
}

std::vector<std::vector<std::string>> model_table(const Comparison& comparison) {
  std::vector<std::vector<std::string>> table{
      {"model", "file", "precision", "parameters", "bytes", "GFLOP / clip",
       cat("ms / frame, ", comparison.batch, " clips at once"), "ms / frame, one at a time",
       "memory, MB", "PSNR, dB", "SSIM"}};
  const auto numbers = model_numbers(comparison);
  for (size_t i = 0; i < comparison.models.size(); ++i) {
    const auto& model = comparison.models[i];
    const auto& difference = model.difference;
    table.push_back(
        {numbers[i], model.file.string(), infer::precision_name(model.generator->precision()),
         cat(model.parameters), cat(model.bytes), digits(model.flops / 1e9),
         time_words(model.together), time_words(model.streaming),
         model.memory ? core::format_number(static_cast<double>(*model.memory) / 1e6, 1) : kNone,
         difference ? digits(difference->psnr) : kNone,
         difference ? core::format_number(difference->ssim, 4) : kNone});
  }
  return table;
}

/// A row for each metric, a column for each model; empty without real clips.
std::vector<std::vector<std::string>> model_scores(const Comparison& comparison) {
  const auto& first = comparison.models.front().scores;
  if (first.empty()) return {};
  std::vector<std::vector<std::string>> table{{"metric", "ideal", "real against real"}};
  for (const auto& number : model_numbers(comparison)) table[0].push_back("model " + number);
  table[0].emplace_back("what it is");
  for (size_t row = 0; row < first.size(); ++row) {
    std::vector<std::string> cells{first[row].name, digits(first[row].ideal),
                                   digits(first[row].floor)};
    for (const auto& model : comparison.models) {
      cells.push_back(digits(model.scores.at(row).value));
    }
    cells.push_back(first[row].title);
    table.push_back(std::move(cells));
  }
  return table;
}

std::string comparison_words(const Comparison& comparison) {
  const auto& clip = comparison.clip;
  std::string text =
      cat(comparison.models.size(), " models, ", comparison.clips, " clips of ", clip.frames,
          " frames, ", clip.size, "x", clip.size, ", from the same latents; seed ", comparison.seed,
          "; ", at::get_num_threads(), " threads");
  if (comparison.real_count > 0) {
    text += cat("; ", comparison.real_count, " of them against as many ", comparison.real_clips);
  }
  return text + ".";
}

constexpr const char* kHowMeasured =
    "Parameters and operations are counted from the layers, whatever type they are stored in. "
    "Times are medians (least to most) of runs in which the models took turns. Memory is by how "
    "much rendering that many clips at once raises the peak of a process that has loaded the model "
    "and made one frame. PSNR and SSIM compare with the clips of model 1.";

/// Of clips [clips,models,T,H,W,3], each below its model's number, the same frame of all models
/// side by side.
video::Frame pictures(const torch::Tensor& shown, const std::vector<std::string>& numbers) {
  const int64_t last = shown.size(2) - 1;
  std::vector<int64_t> times{0, last / 2, last};
  times.erase(std::unique(times.begin(), times.end()), times.end());
  std::vector<std::string> headings;
  for (size_t i = 0; i < times.size(); ++i)
    headings.insert(headings.end(), numbers.begin(), numbers.end());
  const auto places = shown.index_select(2, torch::tensor(times, torch::kLong)).transpose(1, 2);
  return train::sheet_of(places.flatten(1, 2), headings);
}

Json model_json(const ComparedModel& model) {
  const auto samples = [](const bench::Samples& all) {
    return all.seconds.empty() ? Json(nullptr) : all.json();
  };
  Json scores = Json::array();
  for (const auto& score : model.scores) {
    scores.push_back({{"name", score.name},
                      {"value", number_or_null(score.value)},
                      {"real_against_real", number_or_null(score.floor)},
                      {"ideal", score.ideal}});
  }
  Json difference;
  if (model.difference) {
    difference = {{"equal", std::isinf(model.difference->psnr)},
                  {"psnr", number_or_null(model.difference->psnr)},
                  {"ssim", model.difference->ssim}};
  }
  return {{"file", model.file.string()},
          {"precision", infer::precision_name(model.generator->precision())},
          {"parameters", model.parameters},
          {"bytes", model.bytes},
          {"flops_per_clip", model.flops},
          {"seconds_per_frame", samples(model.together)},
          {"seconds_per_frame_one_at_a_time", samples(model.streaming)},
          {"memory", model.memory ? Json(*model.memory) : Json(nullptr)},
          {"difference", difference},
          {"scores", scores}};
}

}  // namespace

std::string comparison_text(const Comparison& comparison) {
  std::string text = core::printable(comparison_words(comparison)) + "\n";
  for (const auto& note : comparison.notes) text += "Note: " + core::printable(note) + "\n";
  text += "\n" + core::format_table(model_table(comparison));
  const auto scores = model_scores(comparison);
  return scores.empty() ? text : text + "\n" + core::format_table(scores);
}

core::Json comparison_json(const Comparison& comparison) {
  Json models = Json::array();
  for (const auto& model : comparison.models) models.push_back(model_json(model));
  return {{"seed", comparison.seed},
          {"clips", comparison.clips},
          {"frames", comparison.clip.frames},
          {"size", comparison.clip.size},
          {"batch", comparison.batch},
          {"threads", at::get_num_threads()},
          {"real_clips", comparison.real_clips},
          {"real_count", comparison.real_count},
          {"notes", comparison.notes},
          {"models", models}};
}

void write_comparison(const Comparison& comparison, const fs::path& folder) {
  constexpr uint64_t kMaxMovieBytes = uint64_t{1} << 30;
  constexpr int64_t kMovieWidth = 400, kPictureWidth = 700;
  core::make_folder(folder);
  const auto movie = folder / "side_by_side.mp4";
  std::vector<torch::Tensor> clips;
  for (const auto& model : comparison.models) clips.push_back(model.shown);
  const auto shown = torch::stack(clips, 1);
  const auto numbers = model_numbers(comparison);
  train::write_video_grid(shown.flatten(0, 1), comparison.clip.fps > 0 ? comparison.clip.fps : 25,
                          movie, numbers);
  const auto sheet = pictures(shown, numbers);
  video::write_png(folder / "side_by_side.png", sheet);

  auto body = report::paragraph(comparison_words(comparison));
  for (const auto& note : comparison.notes) body += report::paragraph("Note: " + note);
  body += report::table(model_table(comparison));
  body += report::paragraph(kHowMeasured);
  if (const auto scores = model_scores(comparison); !scores.empty()) {
    body += report::heading("Against real clips");
    body += report::table(scores);
    body += report::paragraph(
        "Real against real is the same number for other real clips in place of the generated ones: "
        "with so few clips, values near it cannot be told from perfect ones.");
  }
  body += report::heading("Side by side");
  body += report::side_by_side(
      {report::movie(core::read_file(movie, kMaxMovieBytes),
                     "A row for each clip, a column for each model",
                     std::max(shown.size(1) * (shown.size(4) + video::kSheetGap) - video::kSheetGap,
                              kMovieWidth)),
       report::picture(sheet, "The first, the middle and the last frame, each by all models",
                       kPictureWidth)});
  report::write_page(
      folder / "compare.html",
      "vidgen: " + comparison.models.front().file.filename().string() + " and what was made of it",
      body);
}

}  // namespace vidgen::cli
