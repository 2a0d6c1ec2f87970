#include "vidgen/train/journal.h"

#include <algorithm>
#include <cmath>
#include <ctime>

#include "vidgen/core/files.h"
#include "vidgen/core/progress.h"
#include "vidgen/core/text.h"
#include "vidgen/train/sheet.h"
#include "vidgen/video/reader.h"
#include "vidgen/video/writer.h"

namespace vidgen::train {
namespace {

using core::cat;
using report::Html;

constexpr size_t kEarlierSheets = 8;
constexpr int64_t kSheetFrames = 8, kNewestRows = 8, kEarlierRows = 4;
/// In CSS pixels; a picture that is larger is shrunk.
constexpr int64_t kNewestWidth = 700, kEarlierWidth = 520, kMovieWidth = 340;
constexpr uint64_t kMaxMovieBytes = 2000000;
constexpr int64_t kRefreshSeconds = 30;
/// What the log of an older run puts before the names of metrics.
const std::string kOldPrefix = "eval_";

/// What the numbers of the log that begin with `prefix` are called together.
struct ChartKind {
  const char* prefix;
  const char* title;
  report::Scale scale;
};
constexpr ChartKind kCharts[] = {
    {"loss_", "Losses", report::Scale::kLinear},
    {"d_", "Mean score of real and of generated clips: D(real), D(fake)", report::Scale::kLinear},
    {"grad_norm_", "Norms of the gradients, before clipping", report::Scale::kLogarithmic},
    {"clips_per_second", "Speed, clips a second", report::Scale::kLinear},
    {"scale_", "Loss scales", report::Scale::kLogarithmic},
    {"skipped_", "Steps that loss scaling skipped", report::Scale::kLinear}};

bool begins_with(const std::string& text, const std::string& prefix) {
  return text.compare(0, prefix.size(), prefix) == 0;
}

/// Of a sheet of clips with frames of `size` pixels: the first `rows` clips, and at most
/// kSheetFrames frames of each, evenly spread, no wider than `width`.
video::Frame extract(const video::Frame& sheet, int64_t size, int64_t rows, int64_t width) {
  constexpr int64_t kGap = video::kSheetGap;
  const int64_t clips = (sheet.height + kGap) / (size + kGap);
  const int64_t frames = (sheet.width + kGap) / (size + kGap);
  if (clips < 1 || frames < 1) throw Error("is too small for a sheet of samples");
  const int64_t stride = (frames + kSheetFrames - 1) / kSheetFrames;
  video::Tiles chosen(std::min(rows, clips), (frames + stride - 1) / stride, size, size);
  for (int64_t row = 0; row < std::min(rows, clips); ++row) {
    for (int64_t t = 0; t < frames; t += stride) {
      const auto frame = video::crop(sheet, row * (size + kGap), t * (size + kGap), size, size);
      chosen.place(frame.pixels.data(), row, t / stride);
    }
  }
  const auto result = chosen.take();
  if (result.width <= width) return result;
  return video::resize(result, result.height * width / result.width, width);
}

std::string time_of_day() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  char text[32];
  std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc);
  return text;
}

}  // namespace

std::vector<size_t> evenly_chosen(size_t count) {
  size_t stride = 1;
  while (count > kEarlierSheets * stride) stride *= 2;
  std::vector<size_t> chosen;
  for (size_t i = 0; i < count; i += stride) chosen.push_back(i);
  return chosen;
}

RunPage::RunPage(const RunOptions& options) : options_(options), folder_(options.run_dir) {}

void RunPage::add_line(const core::Json& line) {
  if (line.contains("event")) return;
  const size_t before = steps_.size();
  steps_.push_back(line.at("step").get<double>());
  for (const auto& [key, value] : line.items()) {
    if (key == "step" || key == "seconds" || value.is_string()) continue;
    const std::string name = begins_with(key, kOldPrefix) ? key.substr(kOldPrefix.size()) : key;
    const auto same = [&name](const auto& curve) { return curve.name == name; };
    auto curve = std::find_if(curves_.begin(), curves_.end(), same);
    if (curve == curves_.end()) curve = curves_.insert(curve, report::Series{name, {}});
    // A number that some lines lack has gaps there.
    curve->values.resize(before, NAN);
    curve->values.push_back(value.is_number() ? value.get<double>() : NAN);
  }
  for (auto& curve : curves_) curve.values.resize(steps_.size(), NAN);
  for (const auto& [key, value] : line.items()) {
    if (value.is_number()) last_line_[key] = value;
  }
}

Html RunPage::chart(const std::string& title, const std::vector<report::Series>& series,
                    report::Scale scale) const {
  std::vector<double> steps;
  std::vector<report::Series> shown;
  for (const auto& one : series) shown.push_back({one.name, {}});
  for (size_t i = 0; i < steps_.size(); ++i) {
    // A line of the log that has none of the numbers is no gap in their curves.
    const bool has_one = std::any_of(series.begin(), series.end(),
                                     [i](const auto& one) { return std::isfinite(one.values[i]); });
    if (!has_one) continue;
    steps.push_back(steps_[i]);
    for (size_t k = 0; k < series.size(); ++k) shown[k].values.push_back(series[k].values[i]);
  }
  return report::line_chart(title, steps, shown, scale);
}

Html RunPage::progress(int64_t step, int64_t steps, RunState state) const {
  const auto& train = options_.train;
  const double speed = core::value_or(last_line_, "clips_per_second", 0.0);
  std::string text = cat("Step ", step, " of ", steps, " (", 100 * step / steps, " %)");
  if (last_line_.contains("seconds")) {
    text += cat(", ", core::format_duration(core::value_or(last_line_, "seconds", 0.0)),
                " of training");
  }
  if (speed > 0) {
    text += cat(", ", core::format_number(speed, speed < 10 ? 2 : 0), " clips a second");
    const auto clips = static_cast<double>((steps - step) * train.batch_size * train.accumulate);
    if (clips > 0) text += cat(", about ", core::format_duration(clips / speed), " to go");
  }
  if (const auto newest = folder_.newest_checkpoint()) {
    text += cat(". Newest checkpoint: ", newest->filename().string());
  }
  text += ".";
  if (state == RunState::kTraining) {
    text += cat(" This page is kept up to date, and loads itself again every ", kRefreshSeconds,
                " seconds.");
  }
  return report::paragraph(text);
}

Html RunPage::charts() const {
  std::vector<Html> parts;
  std::vector<bool> drawn(curves_.size());
  const auto draw = [&](const std::string& prefix, const std::string& title, report::Scale scale) {
    std::vector<report::Series> some;
    for (size_t i = 0; i < curves_.size(); ++i) {
      if (drawn[i] || !begins_with(curves_[i].name, prefix)) continue;
      some.push_back(curves_[i]);
      drawn[i] = true;
    }
    if (!some.empty()) parts.push_back(chart(title, some, scale));
  };
  for (const auto& kind : kCharts) draw(kind.prefix, kind.title, kind.scale);
  for (const auto& curve : curves_) draw(curve.name, curve.name, report::Scale::kLinear);
  if (parts.empty()) return {};
  return report::heading("Curves") + report::side_by_side(parts);
}

Html RunPage::sheet_picture(const std::filesystem::path& sheet, const std::string& caption,
                            int64_t rows, int64_t width) const {
  try {
    return report::picture(extract(video::read_image(sheet), options_.data.size, rows, width),
                           caption, width);
  } catch (const Error& error) {
    return report::paragraph(cat(caption, ": ", error.what()));
  }
}

Html RunPage::moving(const Html& picture, const std::filesystem::path& movie) const {
  std::vector<Html> parts{picture};
  try {
    const auto bytes = core::read_file(movie, kMaxMovieBytes);
    parts.insert(parts.begin(), report::movie(bytes, "The same clips, moving", kMovieWidth));
  } catch (const Error&) {
    // Too large for a page, or gone: the picture shows the clips, too.
  }
  return report::side_by_side(parts);
}

Html RunPage::newest_samples(const checkpoint::StepFile& sheet) const {
  const auto picture =
      sheet_picture(sheet.path, cat("Step ", sheet.step), kNewestRows, kNewestWidth);
  return report::heading("Samples") + moving(picture, folder_.sample(sheet.step, ".mp4"));
}

Html RunPage::real_clips() const {
  const auto sheet = folder_.real_clips(".png");
  std::error_code error;
  if (!std::filesystem::exists(sheet, error)) return {};
  const auto picture =
      sheet_picture(sheet, "Real clips of the training data", kNewestRows, kNewestWidth);
  return moving(picture, folder_.real_clips(".mp4"));
}

Html RunPage::earlier_samples(const std::vector<checkpoint::StepFile>& sheets) {
  std::map<int64_t, Html> pictures;
  std::vector<Html> parts;
  for (const size_t i : evenly_chosen(sheets.size())) {
    const int64_t step = sheets[i].step;
    const auto known = earlier_.find(step);
    pictures[step] = known != earlier_.end() ? known->second
                                             : sheet_picture(sheets[i].path, cat("Step ", step),
                                                             kEarlierRows, kEarlierWidth);
    parts.push_back(pictures[step]);
  }
  earlier_ = std::move(pictures);
  if (parts.empty()) return {};
  return report::heading("Samples over time, from the same latents") + report::side_by_side(parts);
}

Html RunPage::how_to_go_on() const {
  const std::string run = folder_.path().string();
  std::string commands =
      cat("vidgen train --config ", folder_.config().string(), "\n", "vidgen sample --checkpoint ",
          run, " --out clips.mp4\n", "vidgen eval --checkpoint ", run, " --report eval.html\n");
  if (options_.train.tensorboard) {
    commands += cat("tensorboard --logdir ", folder_.tensorboard().string(), "\n");
  }
  return report::heading("To go on") +
         report::paragraph(
             "In the folder where training was started. The first goes on where the run was "
             "stopped; --set train.steps=N makes it longer, and learning rates that fall do so to "
             "the new end.") +
         report::preformatted(commands);
}

void RunPage::write(int64_t step, int64_t steps, RunState state) {
  auto sheets = folder_.sample_sheets(step);
  Html body = progress(step, steps, state);
  if (!sheets.empty()) {
    body += newest_samples(sheets.back()) + real_clips();
    sheets.pop_back();
  }
  body += charts() + earlier_samples(sheets) + how_to_go_on();
  if (const std::string config = folder_.config_text(); !config.empty()) {
    body += report::details("Configuration", report::preformatted(config));
  }
  report::write_page(folder_.report(), "vidgen: " + folder_.path().string(), body,
                     state == RunState::kTraining ? kRefreshSeconds : 0);
}

Journal::Journal(const RunOptions& options, int64_t step)
    : with_events_(options.train.tensorboard),
      folder_(options.run_dir),
      log_(folder_.log()),
      first_step_(step == 0 ? 0 : step + 1) {
  if (options.train.report) page_.emplace(options);
  folder_.create();
  log_.rewind(step, [this](const core::Json& line) {
    seconds_before_ = core::value_or(line, "seconds", 0.0);
    if (page_) page_->add_line(line);
  });
  started_ = std::chrono::steady_clock::now();
}

report::EventFile& Journal::events() {
  if (!events_) {
    events_.emplace(folder_.tensorboard(), first_step_);
    const std::string config = folder_.config_text();
    if (!config.empty()) events_->add_text(first_step_, "config", "```yaml\n" + config + "```\n");
  }
  return *events_;
}

void Journal::append(core::Json& line) {
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - started_;
  line["seconds"] = seconds_before_ + elapsed.count();
  line["time"] = time_of_day();
  log_.append(line);
}

void Journal::event(int64_t step, const core::Json& event) {
  if (event.is_null()) return;
  // Names of files need not be UTF-8.
  const auto text = event.dump(2, ' ', false, core::Json::error_handler_t::replace);
  core::Json line{{"event", event.at("event")}, {"before_step", step}};
  line.update(core::parse_json(text));
  append(line);
  if (with_events_) events().add_text(step, "events", "```json\n" + text + "\n```\n");
}

void Journal::log(core::Json line) {
  append(line);
  if (page_) page_->add_line(line);
  if (!with_events_) return;
  std::vector<std::pair<std::string, double>> scalars;
  for (const auto& [name, value] : line.items()) {
    if (name != "step" && value.is_number()) scalars.emplace_back(name, value.get<double>());
  }
  events().add_scalars(line.at("step"), scalars);
}

void Journal::flush() const {
  log_.flush();
  if (events_) events_->flush();
}

void Journal::samples(int64_t step, const torch::Tensor& clips, double fps) {
  const video::Frame sheet = sheet_of(clips);
  video::write_png(folder_.sample(step, ".png"), sheet);
  write_video_grid(clips, fps, folder_.sample(step, ".mp4"));
  if (with_events_) events().add_image(step, "samples", sheet);
}

void Journal::real_clips(const torch::Tensor& clips, double fps) {
  video::write_png(folder_.real_clips(".png"), sheet_of(clips));
  write_video_grid(clips, fps, folder_.real_clips(".mp4"));
}

void Journal::update_page(int64_t step, int64_t steps, RunState state) {
  if (page_) page_->write(step, steps, state);
}

}  // namespace vidgen::train
