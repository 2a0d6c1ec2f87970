#include "sample_output.h"

#include <cstdio>

#include "vidgen/checkpoint/safetensors.h"
#include "vidgen/core/error.h"
#include "vidgen/core/files.h"
#include "vidgen/core/spool.h"
#include "vidgen/video/writer.h"

namespace vidgen::cli {
namespace {

namespace fs = std::filesystem;
using core::cat;

/// An output that takes one frame after the other.
class FrameOutput : public SampleOutput {
 public:
  void add(const torch::Tensor& frames) final {
    const auto pixels = frames.contiguous();
    const auto* frame = pixels.data_ptr<uint8_t>();
    for (int64_t i = 0; i < pixels.size(0); ++i, frame += pixels[0].numel()) add_frame(frame);
  }

 protected:
  virtual void add_frame(const uint8_t* rgb) = 0;
};

class VideoOutput : public FrameOutput {
 public:
  explicit VideoOutput(const SampleOutputOptions& options)
      : writer_(options.out, options.size, options.size, options.fps) {}
  void finish() override { writer_.finish(); }

 protected:
  void add_frame(const uint8_t* rgb) override { writer_.write(rgb); }

 private:
  video::VideoWriter writer_;
};

/// The clips come one after the other and are shown together: they wait on the disk.
class GridOutput : public FrameOutput {
 public:
  explicit GridOutput(const SampleOutputOptions& options)
      : options_(options),
        tiles_(options.rows, options.columns, options.size, options.size),
        frame_(static_cast<size_t>(options.size * options.size * 3)),
        waiting_(options.out),
        writer_(options.out, tiles_.picture().width, tiles_.picture().height, options.fps) {}

  void finish() override {
    for (int64_t t = 0; t < options_.frames; ++t) {
      for (int64_t i = 0; i < options_.clips; ++i) {
        waiting_.read(static_cast<uint64_t>(i * options_.frames + t) * frame_.size(), frame_.data(),
                      frame_.size());
        tiles_.place(frame_.data(), i / options_.columns, i % options_.columns);
      }
      writer_.write(tiles_.picture().pixels.data());
    }
    writer_.finish();
  }

 protected:
  void add_frame(const uint8_t* rgb) override { waiting_.write(rgb, frame_.size()); }

 private:
  const SampleOutputOptions options_;
  video::Tiles tiles_;
  std::vector<uint8_t> frame_;
  core::Spool waiting_;
  video::VideoWriter writer_;
};

/// A row for each clip.
class SheetOutput : public FrameOutput {
 public:
  explicit SheetOutput(const SampleOutputOptions& options)
      : options_(checked(options)),
        tiles_(options.clips, options.frames, options.size, options.size) {}
  void finish() override { video::write_png(options_.out, tiles_.picture()); }

 protected:
  void add_frame(const uint8_t* rgb) override {
    tiles_.place(rgb, next_ / options_.frames, next_ % options_.frames);
    ++next_;
  }

 private:
  static const SampleOutputOptions& checked(const SampleOutputOptions& options) {
    const int64_t side = options.size + video::kSheetGap;
    video::check_png_size(options.out, options.frames * side - video::kSheetGap,
                          options.clips * side - video::kSheetGap);
    return options;
  }

  const SampleOutputOptions options_;
  video::Tiles tiles_;
  int64_t next_ = 0;
};

class TensorOutput : public SampleOutput {
 public:
  explicit TensorOutput(const SampleOutputOptions& options)
      : writer_(options.out, "clips",
                {options.clips, options.frames, options.size, options.size, 3}, torch::kU8,
                {{"fps", cat(options.fps)}}) {}
  void add(const torch::Tensor& frames) override { writer_.write(frames); }
  void finish() override { writer_.commit(); }

 private:
  checkpoint::TensorWriter writer_;
};

/// clip-0000.mp4, ...; with seeds seed-7.mp4, or seed-7-clip-0000.mp4, ... where there are several
/// of each.
class FolderOutput : public FrameOutput {
 public:
  explicit FolderOutput(const SampleOutputOptions& options) : options_(options) {
    core::make_folder(options.out);
  }
  void finish() override {}

 protected:
  void add_frame(const uint8_t* rgb) override {
    if (!writer_) {
      writer_ = std::make_unique<video::VideoWriter>(options_.out / (name() + ".mp4"),
                                                     options_.size, options_.size, options_.fps);
    }
    writer_->write(rgb);
    if (++frame_ < options_.frames) return;
    writer_->finish();
    writer_.reset();
    frame_ = 0;
    ++clip_;
  }

 private:
  std::string name() const {
    const auto& seeds = options_.seeds;
    const int64_t each =
        seeds.empty() ? options_.clips : options_.clips / static_cast<int64_t>(seeds.size());
    char clip[32];
    std::snprintf(clip, sizeof(clip), "clip-%04ld", static_cast<long>(clip_ % each));
    if (seeds.empty()) return clip;
    const auto seed = cat("seed-", seeds.at(static_cast<size_t>(clip_ / each)));
    return each == 1 ? seed : seed + "-" + clip;
  }

  const SampleOutputOptions options_;
  std::unique_ptr<video::VideoWriter> writer_;
  int64_t clip_ = 0, frame_ = 0;
};

}  // namespace

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

std::unique_ptr<SampleOutput> open_sample_output(const SampleOutputOptions& options) {
  switch (sample_format(options.out)) {
    case SampleFormat::kSheet:
      return std::make_unique<SheetOutput>(options);
    case SampleFormat::kTensor:
      return std::make_unique<TensorOutput>(options);
    case SampleFormat::kFolder:
      return std::make_unique<FolderOutput>(options);
    case SampleFormat::kVideo:
      break;
  }
  if (options.rows > 0) return std::make_unique<GridOutput>(options);
  return std::make_unique<VideoOutput>(options);
}

}  // namespace vidgen::cli
