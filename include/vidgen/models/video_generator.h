#pragma once

#include <ATen/core/Generator.h>
#include <torch/nn/cloneable.h>
#include <torch/nn/modules/embedding.h>
#include <torch/nn/pimpl.h>
#include <torch/types.h>

#include <vector>

#include "vidgen/models/options.h"
#include "vidgen/models/residual.h"
#include "vidgen/nn/motion.h"
#include "vidgen/nn/stages.h"

namespace vidgen::models {

/// What B clips of T frames are made from.
struct Latents {
  /// [B,content_dim], kept from a clip's first frame to its last.
  torch::Tensor content;
  /// [B,noise_frames(T),motion_dim], the noise that the temporal module turns into motion; gives T
  /// even when motion_dim is 0.
  torch::Tensor noise;
  /// [B,motion_dim], the state that a GRU cell starts from, or what waves are made from; the other
  /// temporal modules do not read it.
  torch::Tensor initial;
  /// [B,k] int64, the frames that are rendered, in their order; undefined: all of them.
  torch::Tensor times{};
  /// [B] int64, the class of each clip. Only a generator of classes reads it.
  torch::Tensor labels{};

  Latents to(torch::Device device) const;
};

/// The part of the latents that each of a clip's objects has.
nn::TemporalOptions of_object(nn::TemporalOptions options, int64_t objects);
/// Of clips [B,objects*D] or [B,T,objects*D], those of their objects: [B*objects,D] or
/// [B*objects,T,D].
torch::Tensor of_objects(const torch::Tensor& clips, int64_t objects);
/// The other way round.
torch::Tensor of_clips(const torch::Tensor& objects, int64_t count);

/// Standard normal latents, float32 on the CPU, without labels. All three parts are drawn whatever
/// the temporal module, always in the same order.
Latents draw_latents(const nn::TemporalOptions& options, int64_t clips, int64_t frames,
                     at::Generator generator);

/// The latents that a seed stands for where clips are shown or measured, as draw_latents().
Latents sample_latents(const nn::TemporalOptions& options, int64_t clips, int64_t frames,
                       uint64_t seed);

/// Standard normal numbers that are drawn at once by draw_latents(), a part at a time: the numbers
/// are the same, and no more of them are held than are asked for at a time.
class NormalSequence {
 public:
  /// The `count` numbers that `generator` would draw; it stays where it is.
  NormalSequence(at::Generator generator, int64_t count);

  /// The `count` that follow, float32 on the CPU.
  torch::Tensor next(int64_t count);
  /// Passes over what is left. Returns the generator, which draws what comes behind.
  at::Generator to_the_end();

 private:
  at::Generator generator_;
  /// Numbers that are not drawn yet.
  int64_t left_;
  /// Numbers that were drawn but not given.
  torch::Tensor rest_;
};

/// sample_latents() some clips at a time.
class LatentSequence {
 public:
  LatentSequence(const nn::TemporalOptions& options, int64_t clips, int64_t frames, uint64_t seed);

  /// The `clips` that follow, without their noise.
  Latents next(int64_t clips);
  /// The rows of noise that follow, those of clip after clip: [rows,motion_dim].
  torch::Tensor next_noise(int64_t rows);

 private:
  LatentSequence(const nn::TemporalOptions& options, int64_t clips, int64_t frames,
                 const at::Generator& generator);

  nn::TemporalOptions options_;
  NormalSequence content_, initial_, noise_;
};

/// sample_latents() of one clip that does not end. Its noise is drawn sixteen rows at a time, which
/// gives the numbers of sample_latents() wherever that draws a multiple of sixteen of them for its
/// noise, as for sixteen frames; the last sixteen of any other count LibTorch draws in another way.
class EndlessLatents {
 public:
  EndlessLatents(const nn::TemporalOptions& options, uint64_t seed);

  /// [1,content_dim] and [1,motion_dim], as in Latents.
  const torch::Tensor& content() const { return content_; }
  const torch::Tensor& initial() const { return initial_; }
  /// The `count` rows of noise that follow those which were given already: [1,count,motion_dim].
  torch::Tensor next_noise(int64_t count);

 private:
  at::Generator generator_;
  torch::Tensor content_, initial_;
  /// Rows that were drawn but not given.
  torch::Tensor rest_;
};

/// The labels of clips number `first`, first + 1, ... that take the classes in turn: int64 [clips]
/// on the CPU; undefined where there are no classes.
torch::Tensor labels_in_turn(int64_t classes, int64_t clips, int64_t first = 0);

struct VideoGeneratorOptions {
  nn::TemporalOptions temporal;
  GeneratorType type = GeneratorType::kDcgan;
  /// Its clip_dim and latent_dim are those of set_latent_dims().
  DcganGeneratorOptions frame;
  /// Classes of clips; 0 for clips that have none.
  int64_t classes = 0;
  /// What is learned for each class: so many numbers.
  int64_t class_dim = 32;

  /// Gives `frame` the clip_dim content_dim, and class_dim more with classes, and the latent_dim
  /// motion_dim more: as much for each object.
  void set_latent_dims();
};

/// Latents -> temporal module -> one latent [content, class, motion_t] a frame -> frame generator
/// -> clips. Submodules: `temporal` (absent for type none), `frame`, and `classes`, the embedding
/// of the classes, where there are some.
class VideoGeneratorImpl : public torch::nn::Cloneable<VideoGeneratorImpl> {
 public:
  explicit VideoGeneratorImpl(VideoGeneratorOptions options);

  /// Returns clips [B,C,T,H,W] in [-1,1], for any T (k frames where latents.times names them): a
  /// view of the frame generator's output, so
  /// channels_last_3d when the weights are channels_last. Under autocast the clips may have its
  /// type. `stages`, if given, is filled with the hidden stages of the frame generator, [B*T,C,4,4]
  /// first, each next of twice as many pixels a side.
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
  const nn::Motion& motion_module() const { return *motion_; }
  /// What a clip keeps from its first frame to its last: [B,content_dim], with classes
  /// [B,content_dim+class_dim], or of objects the parts of each.
  torch::Tensor content(const Latents& latents, const nn::LayerObserver& observer = {});
  /// What the frame generator makes the frames from, of that and the path [B,T,motion_dim]:
  /// [B*T,latent_dim], frame by frame of clip by clip. A row is [content, class, motion_t], of
  /// objects one such part behind the other.
  torch::Tensor joined(const torch::Tensor& content, const torch::Tensor& path);
  /// Both at once.
  torch::Tensor frame_latents(const Latents& latents, const nn::LayerObserver& observer = {});
  /// Lets the frame generator go, and with it forward(), where frames are made by other means.
  void drop_frame_generator();
  void reset() override;

  VideoGeneratorOptions options;

 private:
  nn::MotionNoise noise_of_objects(const torch::Tensor& noise, const torch::Tensor& initial) const;

  std::shared_ptr<nn::Motion> motion_;
  // Of each kind the one that the options name; the others stay empty.
  DcganGenerator dcgan_{nullptr};
  ResidualGenerator residual_{nullptr};
  // Empty without classes.
  torch::nn::Embedding classes_{nullptr};
};
TORCH_MODULE(VideoGenerator);

}  // namespace vidgen::models
