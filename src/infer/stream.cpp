#include "vidgen/infer/stream.h"

#include <c10/core/InferenceMode.h>

#include <utility>

#include "executor.h"
#include "vidgen/nn/temporal.h"

namespace vidgen::infer {

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
