#include <torch/cuda.h>

#include "vidgen/core/resources.h"
#include "vidgen/train/trainer.h"

/// What a step, and what else a run does now and then, takes.
namespace vidgen::train {

RunCosts Trainer::measure_costs() {
  start_loader();
  const auto timed = [this](const auto& work) {
    const auto start = std::chrono::steady_clock::now();
    work();
    if (device_.is_cuda()) torch::cuda::synchronize();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  const auto step = [&] { return timed([this] { train_one_step(); }); };
  RunCosts costs;
  costs.first_step = step();
  costs.step = median_time(step);
  const auto& loss = options_.loss;
  if (loss.has_penalties() && loss.penalty_every > 1) {
    // The first step had the penalties, those after it had not.
    step_ = loss.penalty_every;
    costs.step += (step() - costs.step) / static_cast<double>(loss.penalty_every);
  }
  costs.peak_bytes = core::peak_memory_bytes();
  check_losses();
  if (previews_.enabled()) costs.preview = timed([this] { render_samples(); });
  if (const auto* evaluator = watch_.evaluator()) {
    costs.evaluation = timed([&] { evaluator->evaluate(gan_->ema_generator()); });
  }
  return costs;
}

}  // namespace vidgen::train
