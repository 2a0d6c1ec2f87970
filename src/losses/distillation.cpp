#include "vidgen/losses/distillation.h"

namespace vidgen::losses {

torch::Tensor output_loss(OutputLoss type, const torch::Tensor& student,
                          const torch::Tensor& teacher) {
  TORCH_CHECK(student.sizes() == teacher.sizes(), "a student puts out ", student.sizes(),
              ", its teacher ", teacher.sizes());
  const auto found = student.to(torch::kFloat), wanted = teacher.to(torch::kFloat);
  return type == OutputLoss::kL1 ? torch::l1_loss(found, wanted) : torch::mse_loss(found, wanted);
}

torch::Tensor feature_loss(const std::vector<torch::Tensor>& student,
                           const std::vector<torch::Tensor>& teacher) {
  TORCH_CHECK(!student.empty() && student.size() == teacher.size(), "a student has ",
              student.size(), " layers to compare, its teacher ", teacher.size());
  torch::Tensor sum;
  for (size_t i = 0; i < student.size(); ++i) {
    const auto loss = output_loss(OutputLoss::kMse, student[i], teacher[i]);
    sum = sum.defined() ? sum + loss : loss;
  }
  return sum;
}

torch::Tensor spatial_attention(const torch::Tensor& features) {
  const auto energy = features.to(torch::kFloat).square().mean(1).flatten(1);
  // Where all is 0, so is the gradient.
  return energy * (energy.square().mean(1, /*keepdim=*/true) + 1e-12).rsqrt();
}

torch::Tensor softened_kl(const torch::Tensor& student_logits, const torch::Tensor& teacher_logits,
                          double temperature) {
  TORCH_CHECK(student_logits.dim() == 2 && student_logits.sizes() == teacher_logits.sizes(),
              "expected logits [n,classes] of both, found ", student_logits.sizes(), " and ",
              teacher_logits.sizes());
  const auto softened = [temperature](const torch::Tensor& logits) {
    return torch::log_softmax(logits.to(torch::kFloat) / temperature, 1);
  };
  const auto found = softened(student_logits), wanted = softened(teacher_logits);
  const auto divergence = (wanted.exp() * (wanted - found)).sum(1).mean();
  return divergence * (temperature * temperature);
}

}  // namespace vidgen::losses
