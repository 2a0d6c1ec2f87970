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

/// One of "data.sources"; fields() describes each.
struct SourceOptions {
  std::string path;
  double weight = 1;
};

/// "data"; fields() describes each.
struct DataOptions {
  std::vector<SourceOptions> sources;
  int64_t size = 64;
  int64_t frames = 16;
  int64_t frame_stride = 1;
  double fps = 0;
  SceneCuts scene_cuts = SceneCuts::kSplit;
  double picture_fps = 25;
  Crop crop = Crop::kCenter;
  int64_t resize = 0;
  bool horizontal_flip = false;
  Color color = Color::kRgb;
  double validation_split = 0;
  bool classes = false;
  OnError on_error = OnError::kSkip;
  std::string cache_dir;
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
