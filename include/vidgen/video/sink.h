#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace vidgen::video {

/// What a file says of itself: "title", "comment" or any other key of 1 to 79 printable ASCII
/// characters without spaces, and UTF-8 text. MP4, PNG and safetensors keep every key. AVI keeps
/// title and comment, GIF a comment: there the others are lines of it, "key: text".
using Metadata = std::map<std::string, std::string>;

/// What takes the frames of clips as they are made, those of clip after clip: a file, or a program.
/// A file appears under its name when finish() returns; without it, or after an error, nothing is
/// left. All but open_video() take exactly the frames that were said. Failures throw vidgen::Error
/// naming the file.
class VideoSink {
 public:
  virtual ~VideoSink() = default;
  /// The frame that follows: uint8 RGB [height,width,3].
  virtual void write(const uint8_t* rgb) = 0;
  /// Behind the last frame.
  virtual void finish() {}
};

/// Hands each frame to a function.
class CallbackSink : public VideoSink {
 public:
  explicit CallbackSink(std::function<void(const uint8_t* rgb)> take) : take_(std::move(take)) {}
  void write(const uint8_t* rgb) override { take_(rgb); }

 private:
  std::function<void(const uint8_t* rgb)> take_;
};

struct SinkOptions {
  /// Clips in all, and frames of each.
  int64_t clips = 1;
  int64_t frames = 0;
  /// Pixels of a frame.
  int64_t height = 0;
  int64_t width = 0;
  /// Frames a second; a picture has none.
  double fps = 25;
  Metadata metadata{};
};

/// A video file of clips that play one after the other: H.264 for .mp4, which browsers play; FFV1,
/// which loses nothing, for .avi; for .gif 256 colours chosen for this video, repeated for ever.
/// It takes as many frames as come, at least one. Memory does not grow with them, but for the index
/// of an MP4 or AVI, some 100 bytes a frame; those of a GIF, whose colours are known at the end
/// only, wait in a nameless file in the same folder. In an MP4 odd sizes grow by one pixel (the
/// edge is repeated), as H.264 stores colour at half the resolution. Rates that players do not keep
/// to (below 1 or above 240 frames a second, of a GIF above 50) become the nearest, which a line on
/// stderr says.
std::unique_ptr<VideoSink> open_video(const std::filesystem::path& path,
                                      const SinkOptions& options);
/// Whether open_video() takes a file of this name.
bool is_video_name(const std::filesystem::path& path);

/// A video file in which the clips play side by side in rows x columns places, filled row by row,
/// each column below its heading where there are any. They wait in a nameless file in the same
/// folder.
std::unique_ptr<VideoSink> open_grid(const std::filesystem::path& path, const SinkOptions& options,
                                     int64_t rows, int64_t columns,
                                     const std::vector<std::string>& headings = {});
/// A PNG with a row for each clip and a column for each frame, which is whole in memory.
std::unique_ptr<VideoSink> open_sheet(const std::filesystem::path& path,
                                      const SinkOptions& options);
/// "clip-0007".
std::string clip_name(int64_t clip);
/// A folder, made where it is missing, of an MP4 for each clip, named by its index: clip-0000.mp4
/// unless `name` gives another (without .mp4). Each appears when its last frame was written.
std::unique_ptr<VideoSink> open_folder(const std::filesystem::path& folder,
                                       const SinkOptions& options,
                                       std::function<std::string(int64_t clip)> name = clip_name);

}  // namespace vidgen::video
