#include <iostream>
#include <map>
#include <memory>

#include "commands.h"
#include "vidgen/config/config.h"
#include "vidgen/core/error.h"
#include "vidgen/core/log.h"
#include "vidgen/core/text.h"
#include "vidgen/data/cache.h"
#include "vidgen/data/dataset.h"
#include "vidgen/data/manifest.h"
#include "vidgen/data/moving_digits.h"

namespace vidgen::cli {
namespace {

using core::cat;

void inspect(const data::DataOptions& options) {
  std::vector<std::vector<std::string>> table{
      {"file", "size", "fps", "promised", "read", "clips", "problem"}};
  int64_t usable = 0;
  std::map<std::string, int64_t> classes;
  const auto list = data::find_videos(options);
  const auto& videos = list.videos;
  for (const std::string& warning : list.warnings) core::log_warning(warning);
  for (const auto& entry : videos) {
    const auto report = data::inspect_video(entry.path, options);
    usable += report.problem.empty() ? 1 : 0;
    classes[entry.class_name] += report.problem.empty() ? report.clips : 0;
    table.push_back({entry.name, cat(report.width, "x", report.height),
                     core::format_number(report.fps, 2), std::to_string(report.frames_promised),
                     std::to_string(report.frames_read), std::to_string(report.clips),
                     report.problem});
  }
  std::cout << core::format_table(table) << usable << " of " << videos.size()
            << " files usable for clips of " << options.frames << " frames, stride "
            << options.frame_stride << ", " << options.size << "x" << options.size << "\n";
  if (!list.not_taken.empty()) std::cout << data::format_not_taken(list.not_taken) << "\n";
  if (options.classes) std::cout << data::format_classes(classes) << "\n";
}

void add_inspect_videos(CLI::App& data) {
  auto options = std::make_shared<data::DataOptions>();
  options->sources.resize(1);
  auto* command =
      data.add_subcommand("inspect", "Decode every file of a folder and list what is in it.");
  command->add_option("PATH", options->sources[0].path, "A video or a folder of videos")
      ->required();
  command->add_option("--size", options->size, "Pixels of a clip's side")->capture_default_str();
  command->add_option("--frames", options->frames, "Frames of a clip")->capture_default_str();
  command->add_option("--frame-stride", options->frame_stride, "Every how many-th frame is taken")
      ->capture_default_str();
  command->add_option("--fps", options->fps, "Resample to this rate first; 0 keeps the file's")
      ->capture_default_str();
  command->add_flag("--classes", options->classes,
                    "The folder in PATH that a file is in is its class: count the clips of each");
  command->callback([options] {
    data::DataOptions checked;
    core::read_fields(core::write_fields(*options), checked, "data inspect");
    data::validate(checked, "data inspect");
    inspect(checked);
  });
}

void add_prepare(CLI::App& data) {
  struct Arguments {
    std::string config;
    std::vector<std::string> assignments;
  };
  auto arguments = std::make_shared<Arguments>();
  auto* command =
      data.add_subcommand("prepare", "Decode the videos of a configuration into the clip cache.");
  command->add_option("--config", arguments->config, "YAML file")->required();
  command->add_option("--set", arguments->assignments, "Set a key, as in --set data.size=128")
      ->allow_extra_args(false);
  command->callback([arguments] {
    const auto options = config::read_config(arguments->config, arguments->assignments).data;
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
  command->add_option("--out", arguments->out, "A new folder, or an empty one")->required();
  command->add_option("--clips", options.clips, "Videos")->capture_default_str();
  command->add_option("--size", options.size, "Pixels of a frame's side")->capture_default_str();
  command->add_option("--frames", options.frames, "Frames of a clip")->capture_default_str();
  command->add_option("--digits", options.digits, "Digits in a clip")->capture_default_str();
  command->add_option("--digit-size", options.digit_size, "Pixels of a digit's side")
      ->capture_default_str();
  command->add_option("--speed", options.speed, "Pixels a frame")->capture_default_str();
  command->add_flag("--color", options.color, "Give each digit a colour");
  command->add_flag("--classes", options.classes,
                    "A folder for each first digit, to train with data.classes");
  command->add_option("--seed", options.seed, "Other seeds give other clips")
      ->capture_default_str();
  command
      ->add_option("--digits-image", options.digits_image,
                   "Picture of white digits on black in squares of 20x20 pixels")
      ->capture_default_str();
  command->callback([arguments] {
    data::MovingDigitsOptions checked;
    const std::string name = "data synth moving-digits";
    core::read_fields(core::write_fields(arguments->options), checked, name);
    data::write_moving_digits(checked, arguments->out);
    std::cout << "wrote " << checked.clips << " clips to " << arguments->out.string() << "\n";
  });
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
  add_synth(command);
  return nullptr;
}

}  // namespace vidgen::cli
