#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "vidgen/core/fields.h"

namespace vidgen::data {

enum class Crop { kCenter, kRandom };
enum class Color { kRgb, kGray };
enum class OnError { kSkip, kStop };
enum class SceneCuts { kSplit, kIgnore };

/// Where videos come from.
struct SourceOptions {
  /// A video file, a folder that is searched with all folders inside it, or numbered pictures as
  /// FOLDER/shot_#.png; relative to the current directory.
  std::string path;
  /// Clips are drawn from the sources in proportion to their weights; 0 draws none.
  double weight = 1;
};

/// What a training clip is and where it is taken from.
struct DataOptions {
  std::vector<SourceOptions> sources;
  /// Side of the square frames, in pixels.
  int64_t size = 64;
  /// Frames of a clip.
  int64_t frames = 16;
  /// Every how many-th frame of the video belongs to a clip; larger values show faster motion.
  int64_t frame_stride = 1;
  /// Frames per second that videos are resampled to by their frames' times before frame_stride; 0
  /// keeps each video's own frames.
  double fps = 0;
  /// Whether clips may begin before a cut and end behind it.
  SceneCuts scene_cuts = SceneCuts::kSplit;
  /// Frames per second of numbered pictures, which are a video but do not say.
  double picture_fps = 25;
  /// Which square of a frame is seen: always the middle, or a random one for each clip.
  Crop crop = Crop::kCenter;
  /// The short side in pixels that frames are scaled to before the crop, at least `size`; 0 means
  /// `size`.
  int64_t resize = 0;
  /// Mirrors half of the clips.
  bool horizontal_flip = false;
  Color color = Color::kRgb;
  /// The fraction of the files that is kept from training, for evaluation. Which ones depends on
  /// their content only.
  double holdout = 0;
  /// Whether clips have classes: a clip's is the name of the folder directly below the source's
  /// that its video is in, however deep.
  bool classes = false;
  /// What happens at a damaged, too small or too short video: go on without it, or without what of
  /// it is damaged, or stop.
  OnError on_error = OnError::kSkip;
  /// Folder for decoded clips; "" means "clips" in core::cache_folder().
  std::string cache_dir;
  /// Threads that assemble batches; 0 assembles on the training thread. Each holds up to two
  /// batches in memory.
  int64_t workers = 1;

  int64_t channels() const { return color == Color::kGray ? 1 : 3; }
  /// The short side of the frames before the crop.
  int64_t short_side() const { return resize == 0 ? size : resize; }
  /// How many frames of a video one clip spans.
  int64_t span() const { return (frames - 1) * frame_stride + 1; }
};

void fields(core::FieldVisitor& visitor, SourceOptions& options);
void fields(core::FieldVisitor& visitor, DataOptions& options);

/// Throws core::FieldError for what the ranges of the fields cannot express; `path` is where the
/// options stand in the configuration.
void validate(const DataOptions& options, const std::string& path = "data");

}  // namespace vidgen::data
