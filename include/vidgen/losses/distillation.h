#pragma once

#include <torch/types.h>

#include <vector>

/// What a student is told by a trained teacher that saw the same input: pure functions of what both
/// put out, computed in float32 whatever its type. Gradients flow into the teacher's side, too,
/// unless it was computed without.
namespace vidgen::losses {

/// The mean absolute or the mean squared difference.
enum class OutputLoss { kL1, kMse };

/// The mean over all elements, a scalar. Both have the same shape.
torch::Tensor output_loss(OutputLoss type, const torch::Tensor& student,
                          const torch::Tensor& teacher);

/// The sum over layers of the mean squared difference, a scalar (Romero et al., "FitNets: Hints for
/// thin deep nets", 2015). Layers of one place have the same shape.
torch::Tensor feature_loss(const std::vector<torch::Tensor>& student,
                           const std::vector<torch::Tensor>& teacher);

/// Where the features [M,C,H,W] of M pictures are large, whatever C: the mean of their squares over
/// the channels, over its root mean square over the picture. [M,H*W] (Zagoruyko and Komodakis,
/// "Paying more attention to attention", 2017, but for the scale: there the length is 1).
torch::Tensor spatial_attention(const torch::Tensor& features);

/// T^2 KL(p_teacher || p_student) of the softmax of logits [n,classes] over a temperature T, the
/// mean over n, a scalar (Hinton et al., "Distilling the knowledge in a neural network", 2015).
torch::Tensor softened_kl(const torch::Tensor& student_logits, const torch::Tensor& teacher_logits,
                          double temperature);

}  // namespace vidgen::losses
