#pragma once

#include <torch/nn/cloneable.h>
#include <torch/nn/pimpl.h>
#include <torch/types.h>

#include <memory>
#include <vector>

#include "vidgen/models/condition_encoder.h"
#include "vidgen/models/frame_generator.h"
#include "vidgen/models/latents.h"
#include "vidgen/models/options.h"
#include "vidgen/nn/motion.h"
#include "vidgen/nn/stages.h"

namespace vidgen::models {

/// The part of the latents that each of a clip's slots has.
nn::TemporalOptions options_of_slot(nn::TemporalOptions options, int64_t slots);
/// Of clips [B,slots*D] or [B,T,slots*D], those of their slots: [B*slots,D] or
/// [B*slots,T,D].
torch::Tensor split_slots(const torch::Tensor& clips, int64_t slots);
/// The other way round.
torch::Tensor merge_slots(const torch::Tensor& slots, int64_t count);

struct VideoGeneratorOptions {
  nn::TemporalOptions temporal;
  /// Its clip_dim and latent_dim are those of set_latent_dims().
  FrameGeneratorOptions frame;
  ConditionOptions condition;

  /// Gives `frame` the clip_dim content_dim and what the condition comes to, and the latent_dim
  /// motion_dim more: as much for each object.
  void set_latent_dims();
};

/// Latents -> temporal module -> one latent [content, condition, motion_t] a frame -> frame
/// generator -> clips. Submodules: `temporal` (absent for type none), `frame`, and those of the
/// condition's encoder, where there is one.
class VideoGeneratorImpl : public torch::nn::Cloneable<VideoGeneratorImpl> {
 public:
  explicit VideoGeneratorImpl(VideoGeneratorOptions options);

  /// Returns clips [B,C,T,H,W] in [-1,1], for any T (k frames where latents.timestamps names them):
  /// a view of the frame generator's output, so channels_last_3d when the weights are
  /// channels_last. Under autocast the clips may have its type. `stages`, if given, is filled with
  /// the hidden stages of the frame generator, [B*T,C,4,4] first, each next of twice as many pixels
  /// a side.
  torch::Tensor forward(const Latents& latents, const nn::LayerObserver& observer = {},
                        nn::StageOutputs* stages = nullptr);
  /// The motion path alone, [B,T,motion_dim], always in float32.
  torch::Tensor motion(const Latents& latents);
  /// The next row of the path, [B,motion_dim], where motion() makes all at once. `noise` are the
  /// rows of latents.noise that no frame before needed: nn::noise_frames(options.temporal, 1) for
  /// the first frame, one for each later; `initial` is that of the latents.
  torch::Tensor next_motion(const torch::Tensor& noise, const torch::Tensor& initial,
                            nn::MotionState& state);
  /// The next `frames` rows of the path, [B,frames,motion_dim], with the rows of noise likewise.
  torch::Tensor next_path(const torch::Tensor& noise, const torch::Tensor& initial, int64_t frames,
                          nn::MotionState& state);
  const FrameGeneratorImpl& frame_generator() const { return *frame_; }
  const nn::Motion& motion_module() const { return *motion_; }
  /// Null where clips are not asked to be anything.
  const ConditionEncoder* condition_encoder() const { return condition_.get(); }
  /// What a clip keeps from its first frame to its last: its content and the numbers of its
  /// condition, [B,content_dim+dim], or of slots the parts of each.
  torch::Tensor content(const Latents& latents, const nn::LayerObserver& observer = {});
  /// What the frame generator makes the frames from, of that and the path [B,T,motion_dim]:
  /// [B*T,latent_dim], frame by frame of clip by clip. A row is [content, condition, motion_t], of
  /// slots one such part behind the other.
  torch::Tensor joined(const torch::Tensor& content, const torch::Tensor& path);
  /// Both at once.
  torch::Tensor frame_latents(const Latents& latents, const nn::LayerObserver& observer = {});
  /// Lets the frame generator go, and with it forward(), where frames are made by other means.
  void drop_frame_generator();
  void reset() override;

  VideoGeneratorOptions options;

 private:
  nn::MotionNoise split_noise(const torch::Tensor& noise, const torch::Tensor& initial) const;

  std::shared_ptr<nn::Motion> motion_;
  FrameGenerator frame_{nullptr};
  // Null where clips are not asked to be anything.
  std::shared_ptr<ConditionEncoder> condition_;
};
TORCH_MODULE(VideoGenerator);

/// The generator that valid options describe, with PyTorch's default weights (see nn::initialize).
VideoGenerator make_generator(const ModelOptions& options, const ClipShape& shape);

/// How many weights make_generator() would allocate: the numbers in its filters and matrices, which
/// all files of it hold; biases and batch normalisation, which not all hold, are not counted.
int64_t generator_weights(const ModelOptions& options, const ClipShape& shape);

}  // namespace vidgen::models
