#pragma once

#include <torch/types.h>

#include <chrono>
#include <optional>
#include <utility>

#include "vidgen/checkpoint/state.h"
#include "vidgen/core/json.h"
#include "vidgen/train/gan_step.h"

namespace vidgen::train {

/// What the steps since the last line of the log have measured, summed up on the device, so that no
/// step waits for it.
class Meters {
 public:
  Meters(const GanStep& gan, torch::Device device);

  /// What the GAN measured in its step, after which the run is at `step`.
  void add(const GanStep& gan, int64_t step);
  void reset();
  /// Steps a second since reset() or start_clock(), without the time that was spent otherwise.
  double steps_per_second() const;
  void start_clock() { started_ = std::chrono::steady_clock::now(); }
  void exclude(std::chrono::steady_clock::duration time) { started_ += time; }
  /// Adds the means of GanStep::metrics() to a line of the log.
  void write_means(const GanStep& gan, core::Json& line) const;
  /// Those of GanStep::discriminator_losses(). They are not kept in checkpoints: after a resume
  /// they begin anew.
  torch::Tensor discriminator_losses() const;

  /// The first loss that was not finite, by its number in GanStep::metrics(), and after which step.
  std::optional<std::pair<size_t, int64_t>> bad_loss(const GanStep& gan) const;
  void forget_bad_losses() { first_bad_step_.fill_(-1); }

  void visit(checkpoint::StateVisitor& visitor);

 private:
  torch::Tensor sums_;
  int64_t count_ = 0;
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  torch::Tensor loss_sums_;
  /// Those of this process.
  int64_t loss_count_ = 0;
  /// At which each metric was not finite, -1 for none.
  torch::Tensor first_bad_step_;
};

}  // namespace vidgen::train
