#pragma once

#include <torch/types.h>

#include <cstdint>
#include <memory>
#include <string>

#include "vidgen/models/video_generator.h"

namespace vidgen::infer {

class Executor;
struct RenderOptions;

/// The clips of CompiledGenerator::render(), made by CompiledGenerator::rendering(), which it may
/// outlive: a part at a time, in memory that does not grow with their number, nor with their length
/// unless frames look at the others of their clip (attention_axes: space_time).
///
/// Motion is computed for 16384 frames at once, or for up to twice as many where those are all; in
/// parts it is the same up to the rounding of other sizes of matrices, which less than one pixel in
/// a thousand shows by one level.
class Rendering {
 public:
  Rendering(Rendering&&) = default;
  Rendering& operator=(Rendering&&) = default;

  /// The frames that follow, those of clip after clip: uint8 RGB [M,size,size,3] on the CPU.
  /// Undefined behind the last one.
  torch::Tensor next();
  int64_t clips() const { return clips_; }
  /// Of each clip.
  int64_t frames() const { return frames_; }

 private:
  friend class CompiledGenerator;
  /// `trained_frames`: of each clip that it was trained on. Clips are asked for what `conditions`
  /// has in turn.
  Rendering(std::shared_ptr<const Executor> executor, models::VideoGenerator latents,
            const RenderOptions& options, int64_t trained_frames,
            models::ConditionSampler conditions);

  /// Latents of the clips, or the part of a clip, that follow; into z_.
  void begin_block();

  std::shared_ptr<const Executor> executor_;
  models::VideoGenerator latents_;
  int64_t clips_ = 0, frames_ = 0;
  double truncation_ = 1;
  models::ConditionSampler conditions_;
  models::LatentSequence random_;
  /// Frames that are painted at once, and how many of them are to know that they are of one clip.
  int64_t rows_at_once_ = 0, rows_of_a_clip_ = 0;
  /// Clips and frames that were begun: all clips but the last begun one are so to their end.
  int64_t clip_ = 0, frame_ = 0;
  /// Of the clip that is made in several blocks.
  models::Latents kept_;
  nn::MotionState motion_;
  /// [rows,latent_dim] of the block, and how many of them were painted.
  torch::Tensor z_;
  int64_t painted_ = 0;
};

class Executor;

struct StreamOptions {
  /// The same seed gives the same frames.
  uint64_t seed = 0;
  /// As in RenderOptions.
  double truncation = 1;
  /// Of generators of classes: which; empty is the first.
  std::string class_name{};
};

/// A clip without end, made by CompiledGenerator::stream(), which it may outlive. It holds the
/// state of the temporal module, and no more memory after an hour than after a second.
///
/// The frames are those of render() of one clip with the same seed, up to rounding, as long as the
/// noise of that clip has a multiple of sixteen numbers (models::EndlessLatents), which sixteen
/// frames have; of other lengths the last frames differ.
class Stream {
 public:
  Stream(Stream&&) = default;
  Stream& operator=(Stream&&) = default;

  /// The frame that follows: uint8 RGB [size,size,3] on the CPU.
  torch::Tensor next_frame();

 private:
  friend class CompiledGenerator;
  /// `condition` is of one clip.
  Stream(std::shared_ptr<const Executor> executor, models::VideoGenerator latents,
         const models::Condition& condition, const StreamOptions& options);

  std::shared_ptr<const Executor> executor_;
  models::VideoGenerator latents_;
  models::EndlessLatents random_;
  double truncation_;
  /// [1,n], what all frames have in common.
  torch::Tensor content_, initial_;
  /// Where the clip is painted once: what is moved in each frame.
  torch::Tensor painted_;
  nn::MotionState motion_;
};

}  // namespace vidgen::infer
