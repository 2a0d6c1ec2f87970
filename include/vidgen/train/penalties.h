#pragma once

#include <torch/types.h>

#include <string>
#include <vector>

#include "vidgen/losses/options.h"
#include "vidgen/models/discriminator.h"

namespace vidgen::train {

/// The names of the penalties that the options ask for: "loss_r1", "loss_r2",
/// "loss_gradient_penalty".
std::vector<std::string> penalty_names(const losses::LossOptions& options);

/// Those penalties of one discriminator as they are added to its loss, penalty_every times each.
/// A sample is what gets a judgement of its own: a frame or a whole clip. `mix` holds a number for
/// each, as in StepInputs; it is read by the gradient penalty only, and may be undefined without.
/// With classes, clips `real` and `fake` of one place are of the same. Computed in float32
/// (float64, where clips and weights are); call it outside autocast.
std::vector<torch::Tensor> penalties(const losses::LossOptions& options,
                                     models::DiscriminatorImpl& discriminator,
                                     const models::ClipBatch& real, const models::ClipBatch& fake,
                                     const torch::Tensor& mix);

}  // namespace vidgen::train
