#include "vidgen/train/journal.h"

#include <ctime>

#include "vidgen/train/sheet.h"
#include "vidgen/video/writer.h"

namespace vidgen::train {
namespace {

std::string time_of_day() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  char text[32];
  std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc);
  return text;
}

}  // namespace

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
