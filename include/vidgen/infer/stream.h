#pragma once

#include <torch/types.h>

#include <cstdint>
#include <memory>
#include <string>

#include "vidgen/models/video_generator.h"

namespace vidgen::infer {

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
