#include "compare.h"

#include <algorithm>
#include <functional>
#include <iostream>

#include "commands.h"
#include "output.h"
#include "real_clips.h"
#include "vidgen/bench/bench.h"
#include "vidgen/checkpoint/recovery.h"
#include "vidgen/core/error.h"
#include "vidgen/core/files.h"
#include "vidgen/core/log.h"
#include "vidgen/core/text.h"
#include "vidgen/metrics/difference.h"
#include "vidgen/models/summary.h"
#include "vidgen/models/video_generator.h"

namespace vidgen::cli {
namespace {

using core::cat;
namespace fs = std::filesystem;

/// Clips that are rendered at once, and that are shown, at most: the first that are rendered.
constexpr int64_t kBatch = 8, kShownClips = kBatch;

struct CompareArguments {
  std::vector<std::string> files;
  std::string data;
  int64_t clips = 64;
  int64_t seed = 0;
  bench::Repeats repeats;
  fs::path out;
  fs::path json;
};

/// One of FILES.
struct NamedModel {
  fs::path file;
  infer::CompileOptions compile;
};

/// FILE or FILE@PRECISION; what is there under the whole name is meant by it.
NamedModel parse_model(const std::string& text) {
  NamedModel model{text, {}};
  std::error_code error;
  const auto mark = text.rfind('@');
  if (mark == std::string::npos || fs::exists(text, error)) return model;
  const auto file = text.substr(0, mark);
  if (!fs::exists(file, error)) return model;
  model.file = file;
  model.compile.precision = infer::parse_precision(text.substr(mark + 1));
  return model;
}

ComparedModel load_model(const checkpoint::Checkpoint& checkpoint,
                         const infer::CompileOptions& compile) {
  ComparedModel model;
  model.file = checkpoint.path;
  model.bytes = core::file_size(checkpoint.path);
  model.generator = std::make_unique<infer::CompiledGenerator>(checkpoint, compile);
  // The network as its configuration describes it: what is counted is the same however the weights
  // are stored.
  auto network = checkpoint::make_generator(checkpoint);
  model.temporal = network->options.temporal;
  model.parameters = models::parameter_count(*network);
  for (const auto& row : models::summarize(*network, checkpoint.clip)) model.flops += row.flops;
  return model;
}

std::string clip_words(const models::ClipShape& clip) {
  return cat(clip.frames, " frames of ", clip.size, "x", clip.size, ", ",
             clip.channels == 1 ? "grey" : "colour");
}

std::string class_words(const std::vector<std::string>& names) {
  return names.empty() ? "no classes" : "the classes " + core::join_list(names);
}

void check_same_clips(const ComparedModel& original, const ComparedModel& other) {
  const auto found = clip_words(other.generator->shape());
  const auto expected = clip_words(original.generator->shape());
  if (found != expected) {
    throw Error(cat(other.file.string(), ": makes clips of ", found, ", expected clips as ",
                    original.file.string(), " makes them, of ", expected));
  }
  const auto& names = other.generator->class_names();
  const auto& expected_names = original.generator->class_names();
  if (names != expected_names) {
    throw Error(cat(other.file.string(), ": has ", class_words(names), ", expected ",
                    class_words(expected_names), " as ", original.file.string()));
  }
}

/// A file in several precisions has the same to say.
void note_once(Comparison& comparison, const std::string& note) {
  auto& notes = comparison.notes;
  if (std::find(notes.begin(), notes.end(), note) == notes.end()) notes.push_back(note);
}

/// Reads the files, the original first. Returns the section of its configuration that says how its
/// clips were made.
data::DataOptions load_models(const std::vector<std::string>& files, bool with_data,
                              Comparison& comparison) {
  data::DataOptions data;
  for (const auto& file : files) {
    const auto named = parse_model(file);
    const auto checkpoint = checkpoint::read_trained(named.file);
    comparison.models.push_back(load_model(checkpoint, named.compile));
    check_same_clips(comparison.models.front(), comparison.models.back());
    if (checkpoint.kind == checkpoint::Kind::kCheckpoint) {
      note_once(comparison,
                cat(checkpoint.path.string(),
                    " is a checkpoint: its bytes hold the state of the training as well."));
    }
    if (with_data && comparison.models.size() == 1) data = evaluation_data(checkpoint);
  }
  comparison.clip = comparison.models.front().generator->shape();
  if (const auto& names = comparison.models.front().generator->class_names(); !names.empty()) {
    comparison.notes.push_back(cat("the clips are of the ", names.size(), " classes in turn."));
  }
  return data;
}

infer::RenderOptions render_options(const Comparison& comparison, int64_t clips) {
  infer::RenderOptions render;
  render.count = clips;
  render.seed = static_cast<uint64_t>(comparison.seed);
  render.batch = comparison.batch;
  return render;
}

bool same_latents(const ComparedModel& a, const ComparedModel& b, int64_t frames) {
  return a.temporal.content_dim == b.temporal.content_dim &&
         a.temporal.motion_dim == b.temporal.motion_dim &&
         nn::noise_frames(a.temporal, frames) == nn::noise_frames(b.temporal, frames);
}

/// Frames [M,H,W,3] of clips of so many each.
torch::Tensor as_clips(const torch::Tensor& frames, int64_t of_a_clip) {
  return frames.unflatten(0, {frames.size(0) / of_a_clip, of_a_clip});
}

/// All metrics but that of copied training clips, which compression does not concern.
std::unique_ptr<const metrics::Scorer> make_scorer(const data::DataOptions& data,
                                                   const CompareArguments& arguments,
                                                   Comparison& comparison) {
  if (arguments.data.empty()) return nullptr;
  data::EvaluationOptions wanted;
  wanted.count = arguments.clips;
  wanted.seed = static_cast<uint64_t>(arguments.seed);
  wanted.training_count = 0;
  wanted.classes = comparison.models.front().generator->class_names();
  const auto [real, origin, notes] = read_real_clips(data, arguments.data, wanted);
  comparison.real_clips = origin;
  comparison.real_count = real.real.size(0);
  comparison.classes = real.classes;
  comparison.notes.insert(comparison.notes.end(), notes.begin(), notes.end());
  metrics::ScoreOptions what;
  what.seed = static_cast<uint64_t>(arguments.seed);
  for (const auto& name : metrics::score_names()) {
    if (name != "nearest") what.names.push_back(name);
  }
  return std::make_unique<const metrics::Scorer>(
      metrics::ClipSets{{}, real.real, real.other_real, real.training}, what);
}

/// The first clips of a rendering.
torch::Tensor first_clips(const ComparedModel& model, const infer::RenderOptions& render,
                          int64_t count) {
  auto rendering = model.generator->rendering(render);
  std::vector<torch::Tensor> parts;
  for (int64_t missing = count * rendering.frames(); missing > 0;) {
    parts.push_back(rendering.next());
    missing -= parts.back().size(0);
  }
  return as_clips(torch::cat(parts), rendering.frames()).narrow(0, 0, count);
}

/// Renders the same latents with all models side by side, so that no model's clips are kept.
void compare_clips(const metrics::Scorer* scorer, Comparison& comparison) {
  auto render = render_options(comparison, comparison.clips);
  render.classes = comparison.classes;
  auto& models = comparison.models;
  std::vector<infer::Rendering> renderings;
  std::vector<bool> comparable;
  for (const auto& model : models) {
    core::log_info(cat("rendering ", render.count, " clips with ", model.file.string(), " in ",
                       infer::precision_name(model.generator->precision())));
    renderings.push_back(model.generator->rendering(render));
    comparable.push_back(same_latents(models.front(), model, comparison.clip.frames));
    if (comparable.back()) continue;
    note_once(comparison, cat(model.file.string(), " takes latents of another shape than ",
                              models.front().file.string(),
                              ", so their clips show different things and are not compared with "
                              "each other."));
  }
  std::vector<metrics::Differences> differences(models.size());
  for (int64_t done = 0; done < render.count;) {
    torch::Tensor expected;
    for (size_t i = 0; i < models.size(); ++i) {
      const auto clips = as_clips(renderings[i].next(), renderings[i].frames());
      if (done == 0)
        models[i].shown = clips.narrow(0, 0, std::min(kShownClips, clips.size(0))).clone();
      if (i == 0) {
        expected = clips;
      } else if (comparable[i]) {
        differences[i].add(clips, expected);
      }
    }
    done += expected.size(0);
  }
  for (size_t i = 0; i < models.size(); ++i) {
    if (i > 0 && comparable[i])
      models[i].difference = Difference{differences[i].psnr(), differences[i].ssim()};
    if (scorer)
      models[i].scores = scorer->score(first_clips(models[i], render, comparison.real_count));
  }
}

bench::Samples for_each_frame(bench::Samples samples, int64_t frames) {
  for (auto& seconds : samples.seconds) seconds /= static_cast<double>(frames);
  return samples;
}

void time_together(const bench::Repeats& repeats, Comparison& comparison) {
  const auto render = render_options(comparison, comparison.batch);
  std::vector<std::function<void()>> works;
  for (const auto& model : comparison.models) {
    works.emplace_back([&model, render] { model.generator->render(render); });
  }
  const auto samples = bench::measure_in_turn(works, repeats, torch::kCPU);
  for (size_t i = 0; i < samples.size(); ++i) {
    comparison.models[i].together =
        for_each_frame(samples[i], comparison.batch * comparison.clip.frames);
  }
}

/// One sample is as many frames as a clip has.
void time_streaming(const bench::Repeats& repeats, Comparison& comparison) {
  infer::StreamOptions options;
  options.seed = static_cast<uint64_t>(comparison.seed);
  const int64_t frames = comparison.clip.frames;
  std::vector<ComparedModel*> timed;
  std::vector<std::function<void()>> works;
  for (auto& model : comparison.models) {
    try {
      auto stream = std::make_shared<infer::Stream>(model.generator->stream(options));
      stream->next_frame();
      works.emplace_back([stream, frames] {
        for (int64_t t = 0; t < frames; ++t) stream->next_frame();
      });
      timed.push_back(&model);
    } catch (const Error& error) {
      note_once(comparison,
                cat(model.file.string(), " cannot make one frame at a time: ", error.what(), "."));
    }
  }
  const auto samples = bench::measure_in_turn(works, repeats, torch::kCPU);
  for (size_t i = 0; i < timed.size(); ++i) {
    timed[i]->streaming = for_each_frame(samples[i], frames);
  }
}

void measure_memory(Comparison& comparison) {
  const auto program = own_program();
  for (auto& model : comparison.models) {
    try {
      const auto report = bench::bench_memory_apart(program, model.file, comparison.batch,
                                                    model.generator->precision());
      model.memory = report.at("rendering").get<uint64_t>();
    } catch (const Error& error) {
      note_once(comparison, cat("the memory of ", model.file.string(),
                                " was not measured: ", error.what(), "."));
    }
  }
}

void run(const CompareArguments& arguments) {
  if (arguments.files.size() < 2) {
    throw Error(cat(arguments.files.front(),
                    ": nothing to compare it with, expected the original and at least one file "
                    "more"));
  }
  Outputs outputs;
  if (!arguments.out.empty()) outputs.claim_folder(arguments.out);
  if (!arguments.json.empty()) outputs.claim_file(arguments.json);
  Comparison comparison;
  comparison.seed = arguments.seed;
  comparison.clips = arguments.clips;
  comparison.batch = std::min(kBatch, arguments.clips);
  const auto data = load_models(arguments.files, !arguments.data.empty(), comparison);
  const auto scorer = make_scorer(data, arguments, comparison);
  compare_clips(scorer.get(), comparison);
  core::log_info("timing them in turn");
  time_together(arguments.repeats, comparison);
  time_streaming(arguments.repeats, comparison);
  measure_memory(comparison);
  if (!arguments.out.empty()) write_comparison(comparison, arguments.out);
  if (!arguments.json.empty()) write_json(arguments.json, comparison_json(comparison));
  std::cout << comparison_text(comparison);
}

}  // namespace

Run add_compare(CLI::App& command) {
  auto arguments = std::make_shared<CompareArguments>();
  as_path(
      command.add_option("FILES", arguments->files,
                         "The original, then what was made of it: runs' folders, weights files, "
                         "checkpoints, quantised generators; FILE@bfloat16 is played in that "
                         "precision"))
      ->required();
  as_path(command.add_option("--data", arguments->data,
                             "A video or a folder of real ones to measure all against"));
  add_value(command, "--clips", arguments->clips, whole_number(2, 100000),
            "Clips that the numbers come from");
  add_seed(command, arguments->seed, "Of the latents, which are the same for all models");
  add_value(command, "--repeats", arguments->repeats.repeats, whole_number(1, 100000),
            "Runs of each model that are timed");
  add_value(command, "--warmup", arguments->repeats.warmup, whole_number(0, 100000), "Runs before");
  as_output(command.add_option("--out", arguments->out,
                               "A folder for side_by_side.mp4, side_by_side.png and compare.html"));
  as_output(command.add_option("--json", arguments->json, "Also write the numbers here"));
  return [arguments] { run(*arguments); };
}

}  // namespace vidgen::cli
