#include "vidgen/data/options.h"

namespace vidgen::data {

void fields(core::FieldVisitor& visitor, SourceOptions& options) {
  visitor.path("path", options.path,
               "a video file, a folder that is searched with all folders inside it, or numbered "
               "pictures as FOLDER/shot_#.png");
  visitor.field("weight", options.weight, {0, 1e6},
                "clips are drawn from the sources in proportion to their weights; 0 draws none");
}

void fields(core::FieldVisitor& visitor, DataOptions& options) {
  visitor.at_resume(core::AtResume::kFree);
  visitor.sections("sources", options.sources, "path", "where the videos are");
  visitor.at_resume(core::AtResume::kInitFrom);
  visitor.field("size", options.size, {16, 1024},
                "side of the square frames in pixels: a power of two");
  visitor.at_resume(core::AtResume::kFree);
  visitor.field("frames", options.frames, {1, 1024}, "frames of a clip");
  visitor.field("frame_stride", options.frame_stride, {1, 1024},
                "every how many-th frame of the video belongs to a clip; larger values show faster "
                "motion");
  visitor.field(
      "fps", options.fps, {0, 240},
      "frames per second that videos are resampled to, by the times of their frames, before "
      "frame_stride; 0 keeps each video's own");
  visitor.field("picture_fps", options.picture_fps, {0.01, 1000},
                "frames per second of numbered pictures, which do not say");
  visitor.choice<SceneCuts>(
      "scene_cuts", options.scene_cuts,
      {{"split", SceneCuts::kSplit}, {"ignore", SceneCuts::kIgnore}},
      "split keeps clips within the shots of a film, ignore lets them span a cut");
  visitor.choice<Crop>(
      "crop", options.crop, {{"center", Crop::kCenter}, {"random", Crop::kRandom}},
      "which square of a frame is seen: always the middle, or a random one for each "
      "clip");
  visitor.field(
      "resize", options.resize, {0, 4096},
      "short side in pixels that frames are scaled to before the crop; 0 means data.size");
  visitor.field("horizontal_flip", options.horizontal_flip, "mirrors half of the clips");
  visitor.at_resume(core::AtResume::kInitFrom);
  visitor.choice<Color>("color", options.color, {{"rgb", Color::kRgb}, {"gray", Color::kGray}},
                        "colour or grey");
  visitor.at_resume(core::AtResume::kFree);
  visitor.formerly("holdout");
  visitor.field(
      "validation_split", options.validation_split, {0, 0.9},
      "fraction of the files that is kept from training, for evaluation; which ones depends "
      "on their content alone");
  visitor.at_resume(core::AtResume::kInitFrom);
  visitor.field("classes", options.classes,
                "whether the folder below the source's that a video is in is its class, which the "
                "generator is then told");
  visitor.at_resume(core::AtResume::kFree);
  visitor.choice<OnError>(
      "on_error", options.on_error, {{"skip", OnError::kSkip}, {"stop", OnError::kStop}},
      "what to do about a damaged, too small or too short video: go on without it, or without what "
      "of it is damaged, or end the program");
  visitor.path("cache_dir", options.cache_dir,
               "folder for decoded clips; empty: clips in vidgen's cache folder");
  visitor.field(
      "workers", options.workers, {0, 64},
      "threads that assemble batches, each of which holds up to two in memory; 0 uses the "
      "training thread");
}

void validate(const DataOptions& options, const std::string& path) {
  if (options.sources.empty()) {
    throw core::FieldError(path + ".sources", "is empty, expected a video file or a folder");
  }
  double weights = 0;
  for (size_t i = 0; i < options.sources.size(); ++i) {
    if (options.sources[i].path.empty()) {
      throw core::FieldError(core::cat(path, ".sources[", i, "].path"), "is empty");
    }
    weights += options.sources[i].weight;
  }
  if (weights <= 0) {
    throw core::FieldError(path + ".sources", "all weights are 0, at least one must be more");
  }
  if (options.resize != 0 && options.resize < options.size) {
    throw core::FieldError(path + ".resize",
                           core::cat("is ", options.resize, ", expected 0 or at least ", path,
                                     ".size, which is ", options.size));
  }
}

}  // namespace vidgen::data
