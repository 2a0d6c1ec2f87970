#pragma once

#include <ATen/core/Generator.h>
#include <torch/types.h>

#include <cstdint>

#include "vidgen/models/condition.h"
#include "vidgen/nn/motion.h"

namespace vidgen::models {

/// What B clips of T frames are made from.
struct Latents {
  /// [B,content_dim], kept from a clip's first frame to its last.
  torch::Tensor content;
  /// [B,noise_frames(T),motion_dim], the noise that the temporal module turns into motion; gives T
  /// even when motion_dim is 0.
  torch::Tensor noise;
  /// [B,motion_dim], the state that a GRU cell starts from, or what sine waves are made from; the
  /// other temporal modules do not read it.
  torch::Tensor initial;
  /// [B,k] int64, the frames that are rendered, in their order; undefined: all of them.
  torch::Tensor timestamps{};
  /// What the clips are asked to be. Only a generator that learns from it reads it.
  Condition condition{};

  Latents to(torch::Device device) const;
  /// Those of `count` clips from the first one on.
  Latents narrow(int64_t first, int64_t count) const;
};

/// Standard normal latents, float32 on the CPU, without a condition. All three parts are drawn
/// whatever the temporal module, always in the same order.
Latents draw_latents(const nn::TemporalOptions& options, int64_t clips, int64_t frames,
                     at::Generator generator);

/// The latents that a seed stands for where clips are shown or measured, as draw_latents().
Latents sample_latents(const nn::TemporalOptions& options, int64_t clips, int64_t frames,
                       uint64_t seed);

/// Standard normal numbers that are drawn at once by draw_latents(), a part at a time: the numbers
/// are the same, and no more of them are held than are asked for at a time.
class NormalSequence {
 public:
  /// The `count` numbers that `generator` would draw; it stays where it is.
  NormalSequence(at::Generator generator, int64_t count);

  /// The `count` that follow, float32 on the CPU.
  torch::Tensor next(int64_t count);
  /// The generator that draws what comes behind all of them.
  at::Generator behind() const;

 private:
  at::Generator generator_;
  /// Numbers that are not drawn yet.
  int64_t left_;
  /// Numbers that were drawn but not given.
  torch::Tensor rest_;
};

/// sample_latents() some clips at a time.
class LatentSequence {
 public:
  LatentSequence(const nn::TemporalOptions& options, int64_t clips, int64_t frames, uint64_t seed);

  /// The `clips` that follow, without their noise.
  Latents next(int64_t clips);
  /// The rows of noise that follow, those of clip after clip: [rows,motion_dim].
  torch::Tensor next_noise(int64_t rows);

 private:
  nn::TemporalOptions options_;
  NormalSequence content_, initial_, noise_;
};

/// sample_latents() of one clip that does not end. Its noise is drawn sixteen rows at a time, which
/// gives the numbers of sample_latents() wherever that draws a multiple of sixteen of them for its
/// noise, as for sixteen frames; the last sixteen of any other count LibTorch draws in another way.
class EndlessLatents {
 public:
  EndlessLatents(const nn::TemporalOptions& options, uint64_t seed);

  /// [1,content_dim] and [1,motion_dim], as in Latents.
  const torch::Tensor& content() const { return content_; }
  const torch::Tensor& initial() const { return initial_; }
  /// The `count` rows of noise that follow those which were given already: [1,count,motion_dim].
  torch::Tensor next_noise(int64_t count);

 private:
  at::Generator generator_;
  torch::Tensor content_, initial_;
  /// Rows that were drawn but not given.
  torch::Tensor rest_;
};

}  // namespace vidgen::models
