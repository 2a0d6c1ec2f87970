#include <cstdio>
#include <memory>

#include "commands.h"
#include "output.h"
#include "vidgen/checkpoint/safetensors.h"
#include "vidgen/core/error.h"
#include "vidgen/core/files.h"
#include "vidgen/core/log.h"
#include "vidgen/infer/generator.h"
#include "vidgen/train/sheet.h"
#include "vidgen/video/writer.h"

namespace vidgen::cli {
namespace {

namespace fs = std::filesystem;
using core::cat;

struct SampleArguments {
  std::string checkpoint;
  fs::path out;
  infer::RenderOptions render;
  std::string precision = "auto";
  double fps = 0;
  std::string grid;
};

enum class Format { kVideo, kSheet, kTensor, kFolder };

// A name that ends in a slash, or that has no extension, is a folder of one video a clip.
Format format_of(const fs::path& out) {
  const std::string extension = core::lower_extension(out);
  if (fs::is_directory(out) || !out.has_filename() || extension.empty()) return Format::kFolder;
  if (extension == ".png") return Format::kSheet;
  if (extension == ".safetensors") return Format::kTensor;
  if (video::is_video_name(out)) return Format::kVideo;
  throw Error(cat("--out ", out.string(), ": unknown extension ", out.extension().string(),
                  ", expected .mp4, .avi, .gif, .png, .safetensors or a folder"));
}

struct Grid {
  int64_t rows = 0;
  int64_t columns = 0;
};

Grid parse_grid(const std::string& text) {
  Grid grid;
  char end = 0;
  if (std::sscanf(text.c_str(), "%ldx%ld%c", &grid.rows, &grid.columns, &end) != 2 ||
      grid.rows < 1 || grid.columns < 1 || grid.rows > 64 || grid.columns > 64) {
    throw Error(cat("--grid ", text, ": expected ROWSxCOLUMNS, each from 1 to 64, as in 2x4"));
  }
  return grid;
}

/// As CLI::Range, which lets "nan" pass.
CLI::Validator number_from(double min, double max) {
  const std::string range = cat(min, " to ", max);
  const auto check = [=](const std::string& text) {
    double value = 0;
    const bool inside = CLI::detail::lexical_cast(text, value) && value >= min && value <= max;
    return inside ? std::string() : cat("found ", text, ", expected ", range);
  };
  return CLI::Validator(check, range);
}

void write_folder(const torch::Tensor& clips, double fps, const fs::path& folder) {
  core::make_folder(folder);
  const auto videos = train::to_video_clips(clips);
  for (size_t i = 0; i < videos.size(); ++i) {
    char name[32];
    std::snprintf(name, sizeof(name), "clip-%04zu.mp4", i);
    video::write_video(folder / name, videos[i], fps);
  }
}

void check_writable(const fs::path& out, Format format) {
  if (format != Format::kFolder) return core::check_can_create(out);
  check_can_fill(out);
}

void run(SampleArguments arguments) {
  const Format format = format_of(arguments.out);
  check_writable(arguments.out, format);
  const bool tiled = !arguments.grid.empty();
  const Grid grid = tiled ? parse_grid(arguments.grid) : Grid{};
  if (tiled && format != Format::kVideo)
    throw Error("--grid: goes with an .mp4, .avi or .gif file");
  const bool one_after_another = format == Format::kVideo && !tiled;
  if (tiled) arguments.render.count = grid.rows * grid.columns;

  infer::CompileOptions compile;
  compile.precision = infer::parse_precision(arguments.precision);
  const auto generator = infer::CompiledGenerator::load(arguments.checkpoint, compile);
  const double fps = arguments.fps > 0 ? arguments.fps : generator.shape().fps;
  const auto clips = generator.render(arguments.render);
  switch (format) {
    case Format::kVideo:
      if (one_after_another) {
        video::write_video(arguments.out,
                           train::to_video_clips(clips.flatten(0, 1).unsqueeze(0)).front(), fps);
      } else {
        video::write_video(arguments.out,
                           video::grid(train::to_video_clips(clips), grid.rows, grid.columns), fps);
      }
      break;
    case Format::kSheet:
      train::write_sheet(clips, arguments.out);
      break;
    case Format::kTensor:
      checkpoint::write_safetensors(arguments.out, {{"clips", clips}}, {{"fps", cat(fps)}});
      break;
    case Format::kFolder:
      write_folder(clips, fps, arguments.out);
      break;
  }
  core::log_info(cat("wrote ", arguments.out.string(), ": ", clips.size(0), " clips of ",
                     clips.size(1), " frames, ", clips.size(3), "x", clips.size(2)));
}

}  // namespace

void add_precision_option(CLI::App& command, std::string& precision) {
  command
      .add_option("--precision", precision,
                  "What it computes in: auto (int8 for a quantised file, else float32), float32, "
                  "bfloat16, int8")
      ->check(CLI::IsMember({"auto", "float32", "bfloat16", "int8"}))
      ->capture_default_str();
}

Run add_sample(CLI::App& command) {
  auto arguments = std::make_shared<SampleArguments>();
  auto& render = arguments->render;
  command
      .add_option("--checkpoint", arguments->checkpoint,
                  "A run's folder, a weights file or a checkpoint")
      ->required();
  command
      .add_option("--out", arguments->out,
                  ".mp4, .avi (lossless), .gif, .png (a row for each clip), .safetensors (exact), "
                  "or a folder (one "
                  "MP4 a clip)")
      ->required();
  command.add_option("--count", render.count, "Clips")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();
  command.add_option("--frames", render.frames, "Frames of each clip; 0 is as trained")
      ->check(CLI::Range(0, 1000000))
      ->capture_default_str();
  command.add_option("--seed", render.seed, "The same seed gives the same clips")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command.add_option("--fps", arguments->fps, "Frames a second of the video; 0 is as trained")
      ->check(number_from(0, 240))
      ->capture_default_str();
  command
      .add_option("--class", render.classes,
                  "Of clips with classes: which, in turn, as in --class cats,dogs; all by default")
      ->delimiter(',')
      ->allow_extra_args(false);
  command.add_option("--grid", arguments->grid,
                     "Play ROWSxCOLUMNS clips side by side, instead of one after another");
  command.add_option("--truncation", render.truncation, "Below 1: more typical, less varied clips")
      ->check(number_from(0, 2))
      ->capture_default_str();
  add_precision_option(command, arguments->precision);
  return [arguments] { run(*arguments); };
}

}  // namespace vidgen::cli
