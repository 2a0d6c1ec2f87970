#include "vidgen/infer/rendering.h"

#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <utility>

#include "executor.h"
#include "vidgen/infer/generator.h"
#include "vidgen/nn/motion.h"

namespace vidgen::infer {
namespace {

/// Frames whose motion is computed at once, about, where there are not fewer than twice as many:
/// the last part is no smaller than the others.
constexpr int64_t kFramesOfABlock = 1 << 14;

/// How many of `left` come next, in parts of `part`.
int64_t next_part(int64_t left, int64_t part) { return left < 2 * part ? left : part; }

}  // namespace

Rendering::Rendering(std::shared_ptr<const Executor> executor, models::VideoGenerator latents,
                     const RenderOptions& options, int64_t trained_frames,
                     models::ConditionSampler conditions)
    : executor_(std::move(executor)),
      latents_(std::move(latents)),
      clips_(options.count),
      frames_(options.frames > 0 ? options.frames : trained_frames),
      truncation_(options.truncation),
      conditions_(std::move(conditions)),
      random_(latents_->options.temporal, clips_, frames_, options.seed) {
  TORCH_CHECK(options.count > 0 && options.batch > 0, "expected a count and a batch above 0");
  if (executor_->looks_along_clips() || frames_ <= trained_frames) {
    rows_of_a_clip_ = frames_;
    rows_at_once_ = options.batch * frames_;
  } else {
    rows_of_a_clip_ = 1;
    rows_at_once_ = options.batch * trained_frames;
  }
}

void Rendering::begin_block() {
  const auto& temporal = latents_->options.temporal;
  const auto device = executor_->setting().device;
  const bool whole = frames_ < 2 * kFramesOfABlock || executor_->looks_along_clips();
  int64_t clips = 1;
  if (frame_ == 0) {
    // In whole batches.
    const int64_t batch = std::max<int64_t>(1, rows_at_once_ / frames_);
    const int64_t fitting = std::max<int64_t>(1, kFramesOfABlock / frames_ / batch) * batch;
    const int64_t left = clips_ - clip_;
    if (whole) clips = left * frames_ < 2 * kFramesOfABlock ? left : next_part(left, fitting);
    kept_ = random_.next(clips);
    kept_.content = (kept_.content * truncation_).to(device);
    kept_.initial = (kept_.initial * truncation_).to(device);
    kept_.condition = conditions_.in_turn(clips, clip_).to(device);
    motion_ = {};
  }
  // As many as are painted at once, some times.
  const int64_t part = std::max<int64_t>(1, kFramesOfABlock / rows_at_once_) * rows_at_once_;
  const int64_t frames = whole ? frames_ : next_part(frames_ - frame_, part);
  const int64_t rows = frame_ == 0 ? nn::noise_frames(temporal, frames) : frames;
  kept_.noise = (random_.next_noise(clips * rows) * truncation_)
                    .view({clips, rows, temporal.motion_dim})
                    .to(device);
  const auto path = whole ? latents_->motion(kept_)
                          : latents_->next_path(kept_.noise, kept_.initial, frames, motion_);
  z_ = latents_->joined(latents_->content(kept_), path);
  painted_ = 0;
  frame_ += frames;
  if (frame_ < frames_) return;
  frame_ = 0;
  clip_ += clips;
}

torch::Tensor Rendering::next() {
  const c10::InferenceMode inference;
  if (!z_.defined() || painted_ == z_.size(0)) {
    if (clip_ == clips_) return {};
    begin_block();
  }
  int64_t rows = std::min(rows_at_once_, z_.size(0) - painted_);
  if (rows_of_a_clip_ == 1) {
    // No further than to the end of the clip.
    const int64_t in_clip = std::min(frames_, z_.size(0));
    rows = std::min(rows, in_clip - painted_ % in_clip);
  }
  const int64_t of_a_clip =
      rows_of_a_clip_ == 1 && executor_->paints_clips() ? rows : rows_of_a_clip_;
  const auto pixels = executor_->pixels(z_.narrow(0, painted_, rows), of_a_clip);
  painted_ += rows;
  return pixels;
}

Stream::Stream(std::shared_ptr<const Executor> executor, models::VideoGenerator latents,
               const models::Condition& condition, const StreamOptions& options)
    : executor_(std::move(executor)),
      latents_(std::move(latents)),
      random_(latents_->options.temporal, options.seed),
      truncation_(options.truncation) {
  const c10::InferenceMode inference;
  models::Latents kept{random_.content() * truncation_, {}, random_.initial() * truncation_};
  kept.condition = condition;
  kept = kept.to(executor_->setting().device);
  initial_ = kept.initial;
  content_ = latents_->content(kept);
}

torch::Tensor Stream::next_frame() {
  torch::Tensor z;
  {
    const c10::InferenceMode inference;
    const int64_t rows =
        motion_.frame == 0 ? nn::noise_frames(latents_->options.temporal, /*frames=*/1) : 1;
    const auto noise = (random_.next_noise(rows) * truncation_).to(executor_->setting().device);
    const auto motion = latents_->next_motion(noise, initial_, motion_);
    z = latents_->joined(content_, motion.unsqueeze(1));
  }
  if (executor_->paints_clips() && !painted_.defined()) painted_ = executor_->paint(z);
  const auto pixels =
      painted_.defined() ? executor_->move(painted_, z, /*frames=*/1) : executor_->pixels(z, 1);
  return pixels[0];
}

}  // namespace vidgen::infer
