#include "vidgen/video/sink.h"

#include <cstdio>

#include "vidgen/core/disk.h"
#include "vidgen/core/error.h"
#include "vidgen/core/files.h"
#include "vidgen/video/frame.h"
#include "vidgen/video/writer.h"

namespace vidgen::video {
namespace {

namespace fs = std::filesystem;
using core::cat;

/// Takes so many clips of so many frames, no more and no fewer.
class ClipsSink : public VideoSink {
 public:
  ClipsSink(const fs::path& path, const SinkOptions& options) : path_(path), options_(options) {}

  void write(const uint8_t* rgb) final {
    check_count(next_ < options_.clips * options_.frames, "more");
    add(rgb, next_ / options_.frames, next_ % options_.frames);
    ++next_;
  }
  void finish() final {
    check_count(next_ == options_.clips * options_.frames, cat(next_));
    complete();
  }

 protected:
  virtual void add(const uint8_t* rgb, int64_t clip, int64_t frame) = 0;
  virtual void complete() {}

  const fs::path path_;
  const SinkOptions options_;

 private:
  void check_count(bool right, const std::string& found) const {
    if (right) return;
    throw Error(cat(path_.string(), ": found ", found, " frames, expected ", options_.clips,
                    " clips of ", options_.frames));
  }

  int64_t next_ = 0;
};

/// The clips come one after the other and are shown together: they wait on the disk.
class GridSink : public ClipsSink {
 public:
  GridSink(const fs::path& path, const SinkOptions& options, int64_t rows, int64_t columns,
           const std::vector<std::string>& headings)
      : ClipsSink(path, options),
        columns_(columns),
        tiles_(rows, columns, options.height, options.width, headings),
        frame_(static_cast<size_t>(options.height * options.width * 3)),
        waiting_(path),
        video_(open_video(path, whole_frames())) {
    if (options.clips <= rows * columns) return;
    throw Error(cat(path.string(), ": a grid of ", rows, "x", columns, " has no room for ",
                    options.clips, " clips"));
  }

 protected:
  void add(const uint8_t* rgb, int64_t, int64_t) override { waiting_.write(rgb, frame_.size()); }

  void complete() override {
    for (int64_t t = 0; t < options_.frames; ++t) {
      for (int64_t i = 0; i < options_.clips; ++i) {
        waiting_.read(static_cast<uint64_t>(i * options_.frames + t) * frame_.size(), frame_.data(),
                      frame_.size());
        tiles_.place(frame_.data(), i / columns_, i % columns_);
      }
      video_->write(tiles_.picture().pixels.data());
    }
    video_->finish();
  }

 private:
  SinkOptions whole_frames() const {
    auto options = options_;
    options.height = tiles_.picture().height;
    options.width = tiles_.picture().width;
    return options;
  }

  const int64_t columns_;
  Tiles tiles_;
  std::vector<uint8_t> frame_;
  core::Spool waiting_;
  const std::unique_ptr<VideoSink> video_;
};

class SheetSink : public ClipsSink {
 public:
  SheetSink(const fs::path& path, const SinkOptions& options)
      : ClipsSink(path, options),
        tiles_(options.clips, options.frames, options.height, options.width) {}

 protected:
  void add(const uint8_t* rgb, int64_t clip, int64_t frame) override {
    tiles_.place(rgb, clip, frame);
  }
  void complete() override { write_png(path_, tiles_.picture(), options_.metadata); }

 private:
  Tiles tiles_;
};

class FolderSink : public ClipsSink {
 public:
  FolderSink(const fs::path& folder, const SinkOptions& options,
             std::function<std::string(int64_t)> name)
      : ClipsSink(folder, options), name_(std::move(name)) {
    core::make_folder(folder);
  }

 protected:
  void add(const uint8_t* rgb, int64_t clip, int64_t frame) override {
    if (frame == 0) video_ = open_video(path_ / (name_(clip) + ".mp4"), options_);
    video_->write(rgb);
    if (frame == options_.frames - 1) video_->finish();
  }

 private:
  const std::function<std::string(int64_t)> name_;
  std::unique_ptr<VideoSink> video_;
};

}  // namespace

std::unique_ptr<VideoSink> open_grid(const fs::path& path, const SinkOptions& options, int64_t rows,
                                     int64_t columns, const std::vector<std::string>& headings) {
  return std::make_unique<GridSink>(path, options, rows, columns, headings);
}

std::unique_ptr<VideoSink> open_sheet(const fs::path& path, const SinkOptions& options) {
  // Before memory is asked for.
  check_png_size(path, options.frames * (options.width + kSheetGap) - kSheetGap,
                 options.clips * (options.height + kSheetGap) - kSheetGap);
  return std::make_unique<SheetSink>(path, options);
}

std::string clip_name(int64_t clip) {
  char name[32];
  std::snprintf(name, sizeof(name), "clip-%04ld", static_cast<long>(clip));
  return name;
}

std::unique_ptr<VideoSink> open_folder(const fs::path& folder, const SinkOptions& options,
                                       std::function<std::string(int64_t)> name) {
  return std::make_unique<FolderSink>(folder, options, std::move(name));
}

}  // namespace vidgen::video
