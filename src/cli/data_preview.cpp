#include "data_preview.h"

#include <filesystem>
#include <memory>

#include "arguments.h"
#include "output.h"
#include "vidgen/core/error.h"
#include "vidgen/core/files.h"
#include "vidgen/core/log.h"
#include "vidgen/data/cache.h"
#include "vidgen/data/clip_rates.h"
#include "vidgen/data/dataset.h"
#include "vidgen/data/loader.h"
#include "vidgen/models/pixels.h"
#include "vidgen/train/device_feed.h"
#include "vidgen/train/sheet.h"
#include "vidgen/video/writer.h"

namespace vidgen::cli {
namespace {

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
    throw Error(core::cat("--out ", arguments.out.string(),
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
  core::log_info(core::cat("wrote ", arguments.out.string(), ": the first ", arguments.count,
                           " clips that training sees, before augmentation"));
}

}  // namespace

void add_preview(CLI::App& data) {
  auto arguments = std::make_shared<PreviewArguments>();
  auto* command = data.add_subcommand("preview", "Show the clips and crops that training sees.");
  command->footer("One line on standard error: what was written.");
  add_config(*command, arguments->config, "data.crop=random");
  as_output(command->add_option("--out", arguments->out,
                                ".png (a row for each clip), or .mp4, .avi, .gif (side by side)"))
      ->required();
  command->add_option("--count", arguments->count, "Clips")
      ->check(whole_number(1, 1000))
      ->capture_default_str();
  command->callback([arguments] { preview(*arguments); });
}

}  // namespace vidgen::cli
