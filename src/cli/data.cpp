#include <iostream>
#include <map>
#include <memory>
#include <stdexcept>

#include "commands.h"
#include "output.h"
#include "vidgen/core/error.h"
#include "vidgen/core/files.h"
#include "vidgen/core/log.h"
#include "vidgen/core/text.h"
#include "vidgen/data/cache.h"
#include "vidgen/data/clip_rates.h"
#include "vidgen/data/dataset.h"
#include "vidgen/data/loader.h"
#include "vidgen/data/manifest.h"
#include "vidgen/data/moving_digits.h"
#include "vidgen/data/video_report.h"
#include "vidgen/models/pixels.h"
#include "vidgen/train/device_feed.h"
#include "vidgen/train/sheet.h"
#include "vidgen/video/writer.h"

namespace vidgen::cli {
namespace {

using core::cat;

/// The text of an option that sets a field of Options.
template <class Options>
std::string help_of(const std::string& field) {
  // Asked for at every start, once for each option.
  static const auto entries = core::explain_fields<Options>();
  for (const auto& entry : entries) {
    if (entry.path != field) continue;
    std::string text = entry.sentence();
    text.pop_back();
    return text;
  }
  throw std::logic_error("no field " + field);
}

/// What is said of a video, by its name.
std::vector<std::pair<std::string, core::Json>> items_of(const data::VideoReport& report,
                                                         const data::DataOptions& options) {
  return {{"size", {report.width, report.height}},
          {"fps", report.fps},
          {"seconds", report.seconds},
          {"promised", report.frames_promised},
          {"read", report.frames_read},
          {"shots", data::shots_of(report, options).size()},
          {"clips", report.clips},
          {"problem", report.problem.empty() ? report.damage : report.problem}};
}

std::string cell(const core::Json& value) {
  if (value.is_array()) return cat(value[0].dump(), "x", value[1].dump());
  if (value.is_number_float()) return core::format_number(value.get<double>(), 2);
  return value.is_string() ? value.get<std::string>() : value.dump();
}

/// What a table has no room for: the first frame of each shot after the first, and the notes.
core::Json details_of(const data::VideoReport& report, const data::DataOptions& options) {
  core::Json begins = core::Json::array();
  for (const auto& shot : data::shots_of(report, options)) begins.push_back(shot.begin);
  return {{"usable", report.problem.empty()}, {"shot_begins", begins}, {"notes", report.notes}};
}

void inspect(const data::DataOptions& options, bool as_json) {
  std::vector<std::vector<std::string>> table(1, {"file"});
  for (const auto& item : items_of({}, options)) table[0].push_back(item.first);
  core::Json files = core::Json::array();
  int64_t usable = 0;
  std::map<std::string, int64_t> classes;
  data::ClipRates rates(options);
  std::vector<std::string> notes;
  const auto list = data::find_videos(options);
  const auto& videos = list.videos;
  for (const std::string& warning : list.warnings) core::log_warning(warning);
  for (const auto& entry : videos) {
    const auto report = data::inspect_video(entry.path, options);
    usable += report.problem.empty() ? 1 : 0;
    classes[entry.class_name] += report.problem.empty() ? report.clips : 0;
    if (report.problem.empty()) rates.add(report.fps, static_cast<double>(report.clips));
    for (const auto& note : report.notes) notes.push_back(cat(entry.name, ": ", note));
    auto& row = table.emplace_back(1, entry.name);
    auto& file = files.emplace_back(core::Json{{"file", entry.name}});
    for (const auto& [name, value] : items_of(report, options)) {
      row.push_back(cell(value));
      file[name] = value;
    }
    file.update(details_of(report, options));
    if (options.classes) file["class"] = entry.class_name;
  }
  const auto differ = rates.differences();
  if (!differ.empty()) notes.push_back(differ);
  if (as_json) {
    core::Json all{{"files", files},
                   {"usable", usable},
                   {"rates", differ},
                   {"not_taken", list.not_taken},
                   {"warnings", list.warnings}};
    if (options.classes) all["classes"] = classes;
    std::cout << json_text(all);
    return;
  }
  std::cout << core::format_table(table) << usable << " of " << videos.size()
            << " files usable for clips of " << options.frames << " frames, stride "
            << options.frame_stride << ", " << options.size << "x" << options.size << "\n";
  for (const auto& note : notes) std::cout << core::printable(note) << "\n";
  if (!list.not_taken.empty()) std::cout << data::format_not_taken(list.not_taken) << "\n";
  if (options.classes) std::cout << data::format_classes(classes) << "\n";
}

void add_inspect_videos(CLI::App& data) {
  auto options = std::make_shared<data::DataOptions>();
  auto as_json = std::make_shared<bool>(false);
  options->sources.resize(1);
  auto* command =
      data.add_subcommand("inspect", "Decode every file of a folder and list what is in it.");
  command->footer(
      "A row for each video: size, rate, length, frames, shots, clips and what is wrong with it; "
      "then how many are usable, notes, and what was not taken.");
  as_path(command->add_option("PATH", options->sources[0].path, "A video or a folder of videos"))
      ->required();
  add_value(*command, "--size", options->size, whole_number(16, 1024),
            help_of<data::DataOptions>("size"));
  add_value(*command, "--frames", options->frames, whole_number(1, 1024),
            help_of<data::DataOptions>("frames"));
  add_value(*command, "--frame-stride", options->frame_stride, whole_number(1, 1024),
            help_of<data::DataOptions>("frame_stride"));
  add_value(*command, "--fps", options->fps, number(0, 240), help_of<data::DataOptions>("fps"));
  command->add_flag("--classes", options->classes,
                    "The folder in PATH that a file is in is its class: count the clips of each");
  command->add_flag("--json", *as_json, "All of it as JSON, instead of text");
  command->callback([options, as_json] {
    data::DataOptions checked;
    core::read_fields(core::write_fields(*options), checked, "data inspect");
    data::validate(checked, "data inspect");
    inspect(checked, *as_json);
  });
}

void add_prepare(CLI::App& data) {
  auto arguments = std::make_shared<ConfigArguments>();
  auto* command =
      data.add_subcommand("prepare", "Decode the videos of a configuration into the clip cache.");
  command->footer("How many videos are ready, and how many training clips they give.");
  add_config(*command, *arguments, "data.size=128");
  command->callback([arguments] {
    const auto options = arguments->read_quietly().data;
    const auto cache = data::prepare_clips(options);
    const data::ClipDataset dataset(options, cache, data::Split::kTrain);
    std::cout << cache.videos.size() << " videos ready, " << dataset.clip_count()
              << " training clips\n";
    const auto classes = dataset.class_counts();
    if (!classes.empty()) std::cout << data::format_classes(classes) << "\n";
  });
}

void add_moving_digits(CLI::App& synth) {
  struct Arguments {
    data::MovingDigitsOptions options;
    std::filesystem::path out;
  };
  auto arguments = std::make_shared<Arguments>();
  auto& options = arguments->options;
  auto* command = synth.add_subcommand(
      "moving-digits", "Handwritten digits that move and bounce off the walls, as lossless AVI.");
  command->footer("How many clips were written, and where.");
  as_output(command->add_option("--out", arguments->out, "A new folder, or an empty one"))
      ->required();
  const auto help = help_of<data::MovingDigitsOptions>;
  const auto count = [command](const char* name, int64_t& value, int64_t min, int64_t max,
                               const std::string& meaning) {
    add_value(*command, name, value, whole_number(min, max), meaning);
  };
  count("--clips", options.clips, 1, 1000000, help("clips"));
  count("--size", options.size, 16, 1024, help("size"));
  count("--frames", options.frames, 1, 100000, help("frames"));
  count("--digits", options.digits, 1, 100, help("digits"));
  count("--digit-size", options.digit_size, 8, 1024, help("digit_size"));
  add_value(*command, "--speed", options.speed, number(0, 1024), help("speed"));
  command->add_flag("--color", options.color, help("color"));
  command->add_flag("--classes", options.classes, help("classes"));
  add_seed(*command, options.seed, help("seed"));
  as_path(command->add_option("--digits-image", options.digits_image, help("digits_image")))
      ->capture_default_str();
  command->callback([arguments] {
    data::MovingDigitsOptions checked;
    const std::string name = "data synth moving-digits";
    core::read_fields(core::write_fields(arguments->options), checked, name);
    data::write_moving_digits(checked, arguments->out);
    std::cout << "wrote " << checked.clips << " clips to "
              << core::printable(arguments->out.string()) << "\n";
  });
}

struct PreviewArguments {
  ConfigArguments config;
  std::filesystem::path out;
  int64_t count = 8;
};

/// The first clips of a run: uint8 RGB [N,T,H,W,3], mirrored where training mirrors them.
torch::Tensor first_clips(train::RunOptions options, const data::ClipCache& cache, int64_t count) {
  options.train.batch_size = count;
  const auto dataset =
      std::make_shared<const data::ClipDataset>(options.data, cache, data::Split::kTrain);
  data::ClipLoader loader(dataset, train::loader_options(options, torch::kCPU));
  const data::Batch batch = loader.next();
  const auto clips = models::mirror_clips(batch.clips, batch.mirror);
  return clips.expand({-1, -1, -1, -1, 3}).contiguous();
}

void preview(const PreviewArguments& arguments) {
  const bool sheet = core::lower_extension(arguments.out) == ".png";
  if (!sheet && !video::is_video_name(arguments.out)) {
    throw Error(cat("--out ", arguments.out.string(),
                    ": unknown extension, expected .png, .mp4, .avi or .gif"));
  }
  Outputs outputs;
  outputs.claim_file(arguments.out);
  const auto options = arguments.config.read_quietly();
  const auto cache = data::prepare_clips(options.data);
  const auto clips = first_clips(options, cache, arguments.count);
  const double fps = data::ClipRates(options.data, cache).usual();
  if (sheet) {
    video::write_png(arguments.out, train::sheet_of(clips));
  } else {
    train::write_video_grid(clips, fps, arguments.out);
  }
  core::log_info(cat("wrote ", arguments.out.string(), ": the first ", arguments.count,
                     " clips that training sees, before augmentation"));
}

/// Declares `data preview`, which shows the clips that training sees.
void add_preview(CLI::App& data) {
  auto arguments = std::make_shared<PreviewArguments>();
  auto* command = data.add_subcommand("preview", "Show the clips and crops that training sees.");
  command->footer("One line on standard error: what was written.");
  add_config(*command, arguments->config, "data.crop=random");
  as_output(command->add_option("--out", arguments->out,
                                ".png (a row for each clip), or .mp4, .avi, .gif (side by side)"))
      ->required();
  add_value(*command, "--count", arguments->count, whole_number(1, 1000), "Clips");
  command->callback([arguments] { preview(*arguments); });
}

void add_synth(CLI::App& data) {
  auto* command = data.add_subcommand("synth", "Make videos to train on.");
  command->require_subcommand(1);
  add_moving_digits(*command);
}

}  // namespace

Run add_data(CLI::App& command) {
  command.require_subcommand(1);
  add_inspect_videos(command);
  add_prepare(command);
  add_preview(command);
  add_synth(command);
  return nullptr;
}

}  // namespace vidgen::cli
