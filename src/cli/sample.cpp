#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>

#include "commands.h"
#include "output.h"
#include "vidgen/checkpoint/safetensors.h"
#include "vidgen/core/error.h"
#include "vidgen/core/files.h"
#include "vidgen/core/log.h"
#include "vidgen/core/text.h"
#include "vidgen/infer/generator.h"

namespace vidgen::cli {
namespace {

namespace fs = std::filesystem;
using core::cat;

enum class SampleFormat { kVideo, kSheet, kTensor, kFolder };

struct SampleArguments {
  std::string checkpoint;
  fs::path out;
  infer::RenderOptions render;
  /// "0-15"; nothing for the one of `render`.
  std::optional<std::string> seeds;
  /// As they are typed.
  std::vector<std::string> classes;
  std::string precision = "auto";
  double fps = 0;
  std::string grid;
  bool has_count = false;
};

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

/// "0-3,7": seeds and ranges of them, both ends included, in their order.
std::vector<uint64_t> parse_seeds(const std::string& text) {
  constexpr size_t kMostSeeds = 100000;
  const auto fail = [&text](const std::string& problem) {
    throw Error(cat("--seeds ", text, ": ", problem));
  };
  std::vector<uint64_t> seeds;
  for (const auto& part : core::split_list(text)) {
    const size_t dash = part.find('-');
    const auto number = [&](const std::string& digits) {
      const auto problem = whole_number(0, INT64_MAX)(digits);
      if (!problem.empty()) fail(problem + ", as in 0-15 or 1,5,7-9");
      return std::stoull(digits);
    };
    const uint64_t first = number(part.substr(0, dash));
    const uint64_t last = dash == std::string::npos ? first : number(part.substr(dash + 1));
    if (last < first) fail(cat("found the range ", part, ", expected its lower end first"));
    if (last - first >= kMostSeeds - seeds.size())
      fail(cat("expected at most ", kMostSeeds, " seeds"));
    for (uint64_t seed = first; seed <= last; ++seed) seeds.push_back(seed);
  }
  if (seeds.empty()) fail("found none, expected some as in 0-15 or 1,5,7-9");
  return seeds;
}

/// The names that are meant: a text that is a name itself, whatever it holds, or a list of names.
std::vector<std::string> parse_classes(const std::vector<std::string>& texts,
                                       const std::vector<std::string>& known) {
  std::vector<std::string> names;
  for (const auto& text : texts) {
    const bool whole = std::find(known.begin(), known.end(), text) != known.end();
    const auto more = whole ? std::vector<std::string>{text} : core::split_list(text);
    names.insert(names.end(), more.begin(), more.end());
  }
  return names;
}

/// By the name's extension; one that ends in a slash, or that has none, is a folder of one video a
/// clip.
SampleFormat sample_format(const fs::path& out) {
  const std::string extension = core::lower_extension(out);
  std::error_code error;
  if (fs::is_directory(out, error) || !out.has_filename() || extension.empty())
    return SampleFormat::kFolder;
  if (extension == ".png") return SampleFormat::kSheet;
  if (extension == ".safetensors") return SampleFormat::kTensor;
  if (video::is_video_name(out)) return SampleFormat::kVideo;
  throw Error(cat("--out ", out.string(), ": unknown extension ", out.extension().string(),
                  ", expected .mp4, .avi, .gif, .png, .safetensors or a folder"));
}

/// What a picture or a single file of clips cannot have.
void check_format(const SampleArguments& arguments, SampleFormat format) {
  if (!arguments.grid.empty() && format != SampleFormat::kVideo)
    throw Error("--grid: goes with an .mp4, .avi or .gif file");
  if (arguments.fps > 0 && format == SampleFormat::kSheet)
    throw Error("--fps: goes with a video, a picture has no rate");
}

/// Clips of each seed. With a grid there are as many clips in all as it has places.
int64_t clips_of_a_seed(const SampleArguments& arguments, const std::optional<Grid>& grid,
                        int64_t seeds) {
  const int64_t count = arguments.render.count;
  if (!grid) return count;
  const int64_t places = grid->rows * grid->columns;
  if (arguments.has_count ? count * seeds == places : places % seeds == 0) return places / seeds;
  throw Error(cat("--grid ", arguments.grid, ": has places for ", places, " clips, found ",
                  arguments.has_count ? cat("--count ", count) : "",
                  arguments.has_count && seeds > 1 ? " for each of " : "",
                  seeds > 1 ? cat(seeds, " seeds") : ""));
}

/// `seeds` are those that were listed, of which there are as many clips each: the videos of a
/// folder are called after them.
std::unique_ptr<video::VideoSink> open_sink(SampleFormat format, const fs::path& out,
                                            const video::SinkOptions& options,
                                            const std::optional<Grid>& grid,
                                            const std::vector<uint64_t>& seeds) {
  switch (format) {
    case SampleFormat::kSheet:
      return video::open_sheet(out, options);
    case SampleFormat::kTensor:
      return checkpoint::open_tensor(out, options);
    case SampleFormat::kFolder:
      if (seeds.empty()) return video::open_folder(out, options);
      return video::open_folder(
          out, options,
          [seeds, each = options.clips / static_cast<int64_t>(seeds.size())](int64_t clip) {
            const auto seed = cat("seed-", seeds.at(static_cast<size_t>(clip / each)));
            return each == 1 ? seed : seed + "-" + video::clip_name(clip % each);
          });
    case SampleFormat::kVideo:
      break;
  }
  if (grid) return video::open_grid(out, options, grid->rows, grid->columns);
  return video::open_video(out, options);
}

void run(SampleArguments arguments) {
  const SampleFormat format = sample_format(arguments.out);
  Outputs outputs;
  if (format == SampleFormat::kFolder) {
    outputs.claim_folder(arguments.out);
  } else {
    outputs.claim_file(arguments.out);
  }
  check_format(arguments, format);
  std::optional<Grid> grid;
  if (!arguments.grid.empty()) grid = parse_grid(arguments.grid);
  const auto listed = arguments.seeds ? parse_seeds(*arguments.seeds) : std::vector<uint64_t>();
  const auto seeds = listed.empty() ? std::vector{arguments.render.seed} : listed;
  auto& render = arguments.render;
  render.count = clips_of_a_seed(arguments, grid, static_cast<int64_t>(seeds.size()));

  infer::CompileOptions compile;
  compile.precision = infer::parse_precision(arguments.precision);
  const auto generator = infer::CompiledGenerator::load(arguments.checkpoint, compile);
  render.classes = parse_classes(arguments.classes, generator.class_names());
  video::SinkOptions options;
  options.clips = render.count * static_cast<int64_t>(seeds.size());
  options.frames = render.frames > 0 ? render.frames : generator.shape().frames;
  options.height = options.width = generator.shape().size;
  options.fps = arguments.fps > 0 ? arguments.fps : generator.shape().fps;
  const auto sink = open_sink(format, arguments.out, options, grid, listed);
  for (const uint64_t seed : seeds) {
    render.seed = seed;
    generator.render(render, *sink);
  }
  sink->finish();
  core::log_info(cat("wrote ", arguments.out.string(), ": ", options.clips, " clips of ",
                     options.frames, " frames, ", options.width, "x", options.height));
}

}  // namespace

void add_precision(CLI::App& command, std::string& precision) {
  add_value(command, "--precision", precision,
            CLI::IsMember({"auto", "float32", "bfloat16", "int8"}),
            "What it computes in: auto (int8 for a quantised file, else float32), float32, "
            "bfloat16, int8");
}

Run add_sample(CLI::App& command) {
  auto arguments = std::make_shared<SampleArguments>();
  auto& render = arguments->render;
  add_checkpoint(command, arguments->checkpoint);
  as_output(command.add_option("--out", arguments->out,
                               ".mp4, .avi (lossless), .gif, .png (a row for each clip), "
                               ".safetensors (exact), or a folder (one MP4 a clip)"))
      ->required();
  auto* count = add_value(command, "--count", render.count, whole_number(1, 100000),
                          "Clips; with --seeds of each seed");
  add_value(command, "--frames", render.frames, whole_number(0, 1000000),
            "Frames of each clip; 0 is as trained");
  auto* seed = add_seed(command, render.seed, "The same seed gives the same clips");
  command
      .add_option(
          "--seeds", arguments->seeds,
          "Clips of several seeds, as in --seeds 0-15 or 1,5,7-9: of each what --seed gives")
      ->type_name("LIST")
      ->excludes(seed);
  add_value(command, "--fps", arguments->fps, number(0, 240),
            "Frames a second of the video; 0 is as trained");
  command
      .add_option(
          "--class", arguments->classes,
          "Of clips with classes: which, in turn, as in --class cats,dogs; all by default. A "
          "name with a comma is quoted inside the list: '\"tabby, cat\",dogs'")
      ->type_name("NAMES")
      ->allow_extra_args(false);
  command
      .add_option("--grid", arguments->grid,
                  "Play so many clips side by side, instead of one after another")
      ->type_name("ROWSxCOLUMNS");
  add_value(command, "--truncation", render.truncation, number(0, 2),
            "Below 1: more typical, less varied clips");
  add_precision(command, arguments->precision);
  return [arguments, count] {
    arguments->has_count = count->count() > 0;
    run(*arguments);
  };
}

}  // namespace vidgen::cli
