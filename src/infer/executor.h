#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "steps.h"
#include "vidgen/infer/int8.h"

namespace vidgen::infer {

class CudaReplay;

/// Makes the step of a plan's layer in some other way than make_step(), or none to leave it to
/// that. `side`: the pixels a side of what comes in.
using StepMaker = std::function<Step(const Plan& plan, size_t index, int64_t side)>;

/// Makes the steps of an Executor for a plan of which `layers` are in eight bits: those themselves,
/// and the ones before them that hand on uint8. On the CPU only; `setting` is the executor's, for
/// the layers that stay in floating point. Uint8 stays uint8 from one such layer to the next.
StepMaker int8_steps(QuantizedLayers layers, const Setting& setting);

/// A plan, prepared to run. Several threads may run it at once.
class Executor {
 public:
  Executor(const Plan& plan, const Setting& setting, const StepMaker& special = {});
  ~Executor();

  /// z [M,D] in any place and type, of which each `frames` rows are one clip -> pictures [M,C,S,S]
  /// in the setting's, channels_last: an inference tensor (c10::InferenceMode).
  torch::Tensor run(const torch::Tensor& z, int64_t frames) const;

  /// models::to_rgb() of run(), but for rounding: uint8 RGB [M,S,S,3] on the CPU. There the last
  /// layer's tanh and all behind it are one pass over memory (tanh_to_rgb()).
  torch::Tensor pixels(const torch::Tensor& z, int64_t frames) const;

  /// Whether a clip is painted once and then moved in each frame: pixels() is move() of paint() of
  /// the first row of each clip.
  bool paints_clips() const { return warp_ > 0; }
  /// z [B,D] of clips -> what is moved, and that with z [M,D] of their frames -> pixels.
  torch::Tensor paint(const torch::Tensor& z) const {
    return run_steps(0, warp_, z, {}, 1, steps_.back());
  }
  torch::Tensor move(const torch::Tensor& painted, const torch::Tensor& z, int64_t frames) const;

  /// Whether frames look at the others of their clip, so that they cannot be made one by one.
  bool looks_along_clips() const { return looks_along_clips_; }
  const Setting& setting() const { return setting_; }

 private:
  friend class CudaReplay;
  /// Makes one tensor of others, as nn::CudaGraph asks for it.
  using Work = std::function<torch::Tensor(const std::vector<torch::Tensor>& inputs)>;

  /// work(inputs), replayed where the setting says so.
  torch::Tensor replayed(const std::vector<torch::Tensor>& inputs, int64_t frames,
                         const Work& work) const;
  /// All steps, `last` in the place of the last one.
  torch::Tensor run_all(const torch::Tensor& z, int64_t frames, const Step& last) const;
  /// Steps first ... end, of which the first takes `in`, and kWarp `z` besides; `last` is that of
  /// the plan's last layer.
  torch::Tensor run_steps(size_t first, size_t end, const torch::Tensor& in, const torch::Tensor& z,
                          int64_t frames, const Step& last) const;
  /// The last step where pixels are wanted, and the pixels of what it puts out.
  const Step& before_pixels() const { return sums_ ? sums_ : steps_.back(); }
  torch::Tensor to_pixels(const torch::Tensor& output) const;

  Setting setting_;
  std::vector<Step> steps_;
  /// On the CPU: the last layer up to its tanh, in phases where it doubles; none where it has none.
  Step sums_;
  bool sums_are_phases_ = false;
  std::vector<std::vector<size_t>> inputs_;
  std::vector<size_t> last_uses_;
  bool looks_along_clips_ = false;
  /// The place of kWarp, before which a clip needs one row; 0: there is none.
  size_t warp_ = 0;
  /// Null where nothing is replayed. Behind the steps, whose weights its records read.
  std::unique_ptr<CudaReplay> replay_;
};

}  // namespace vidgen::infer
