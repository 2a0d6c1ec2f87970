#include "vidgen/train/penalties.h"

#include "vidgen/losses/penalty.h"
#include "vidgen/nn/layout.h"

namespace vidgen::train {
namespace {

/// What the discriminator scores one by one: pictures [B*k,C,H,W], or clips.
torch::Tensor samples_of(const models::ClipBatch& batch) {
  const auto& frames = batch.frame_indices;
  const auto samples = frames.defined() ? models::gather_frames(batch.clips, frames) : batch.clips;
  return samples.to(at::promote_types(samples.scalar_type(), torch::kFloat));
}

/// The discriminator as a function of what samples_of() returns for batches such as this one.
losses::Critic critic_of(models::DiscriminatorImpl& discriminator, const models::ClipBatch& batch) {
  if (!batch.frame_indices.defined()) {
    return [&discriminator, timestamps = batch.timestamps,
            condition = batch.condition](const torch::Tensor& clips) {
      return discriminator.forward({clips, {}, timestamps, condition});
    };
  }
  const int64_t count = batch.frame_indices.size(0), frames = batch.frame_indices.size(1);
  const auto all = torch::arange(frames, batch.frame_indices.options()).expand({count, frames});
  return [&discriminator, all, condition = batch.condition](const torch::Tensor& pictures) {
    return discriminator.forward({nn::as_clips(pictures, all.size(0)), all, {}, condition});
  };
}

}  // namespace

std::vector<std::string> penalty_names(const losses::LossOptions& options) {
  std::vector<std::string> names;
  if (options.r1 > 0) names.emplace_back("loss_r1");
  if (options.r2 > 0) names.emplace_back("loss_r2");
  if (options.gradient_penalty > 0) names.emplace_back("loss_gradient_penalty");
  return names;
}

std::vector<torch::Tensor> penalties(const losses::LossOptions& options,
                                     models::DiscriminatorImpl& discriminator,
                                     const models::ClipBatch& real, const models::ClipBatch& fake,
                                     const torch::Tensor& mix) {
  const auto critic = critic_of(discriminator, real);
  const auto every = static_cast<double>(options.penalty_every);
  std::vector<torch::Tensor> values;
  if (options.r1 > 0) {
    values.push_back(losses::zero_centered_penalty(critic, samples_of(real), every * options.r1));
  }
  if (options.r2 > 0) {
    values.push_back(losses::zero_centered_penalty(critic_of(discriminator, fake), samples_of(fake),
                                                   every * options.r2));
  }
  if (options.gradient_penalty > 0) {
    values.push_back(losses::one_centered_penalty(critic, samples_of(real), samples_of(fake), mix,
                                                  every * options.gradient_penalty));
  }
  return values;
}

}  // namespace vidgen::train
