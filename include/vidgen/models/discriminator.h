#pragma once

#include <ATen/core/Generator.h>
#include <torch/nn/module.h>
#include <torch/types.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "vidgen/models/condition.h"
#include "vidgen/models/options.h"
#include "vidgen/nn/observer.h"
#include "vidgen/nn/stages.h"

namespace vidgen::models {

/// What a discriminator looks at.
struct ClipBatch {
  /// [B,C,T,H,W] in [-1,1].
  torch::Tensor clips;
  /// [B,k] int64, on any device: the frames of each clip that a frame discriminator scores. A clip
  /// discriminator does not read it.
  torch::Tensor frame_indices;
  /// [B,T] int64, on any device: the number of each frame in the whole clip; undefined: 0, 1, 2,
  /// ... Only a discriminator with options.timestamps reads it.
  torch::Tensor timestamps{};
  /// What the clips are asked to be, where they are. Only a discriminator of classes reads it.
  Condition condition{};
};

/// k different frames of each clip, each choice as likely: int64 [clips,k] on the CPU. k must be
/// in 1..frames.
torch::Tensor draw_frame_indices(int64_t clips, int64_t frames, int64_t k, at::Generator generator);

/// k frames of each clip at equal distances, the distance and then the first frame each as likely
/// as every other that fits: int64 [clips,k] on the CPU, rising. k must be in 1..frames.
torch::Tensor draw_timestamps(int64_t clips, int64_t frames, int64_t k, at::Generator generator);

/// The frames that timestamps [B,k] name of clips [B,T,...], as [B,k,...].
torch::Tensor select_frames(const torch::Tensor& clips, const torch::Tensor& timestamps);

/// The frames of clips [B,C,T,H,W] that indices [B,k] name, as pictures [B*k,C,H,W].
torch::Tensor gather_frames(const torch::Tensor& clips, const torch::Tensor& indices);

/// The logits psi(phi) + <v_y, phi> that a discriminator gives clips of the classes y (Miyato and
/// Koyama, "cGANs with Projection Discriminator", 2018), phi being the features before its last
/// layer, and that layer being psi and all v at once: `rows` [M,1+K,...] are psi(phi), then
/// <v_k, phi> of each class k. The labels of the condition are there, too; each clip has M/B rows,
/// one after the other. Returns [M,1,...].
torch::Tensor project_on_classes(const torch::Tensor& rows, const Condition& condition);

/// The network inside of a discriminator, which is a torch::nn::Module, too.
class DiscriminatorNet {
 public:
  virtual ~DiscriminatorNet() = default;
  /// Pictures [M,C,S,S], of which `rows` says what clips they are -> rows [N,1+classes,...], as
  /// project_on_classes() takes them. More than one batch only with independent options.
  virtual torch::Tensor logits(const torch::Tensor& pictures, nn::Rows rows,
                               const nn::LayerObserver& observer) = 0;
};

/// What is known of a kind of network without its weights. The options are those of the
/// discriminator it is in.
struct DiscriminatorNetwork {
  std::string name;
  /// Whether a clip's logits depend on no other clip's pictures but through minibatch_stddev, and
  /// one pass leaves nothing for the next.
  bool (*independent)(const DiscriminatorOptions& options);
  /// As FrameGeneratorType::kept_copies, for real and generated clips together.
  double kept_copies;
  /// Frames that a clip has at least, of pictures of so many pixels a side.
  int64_t (*least_frames)(const DiscriminatorOptions& options, int64_t picture);
  /// Throws core::FieldError, naming keys under `path`, for options that it has no use for or that
  /// do not fit its clips.
  void (*validate)(const DiscriminatorOptions& options, const ClipShape& shape,
                   const std::string& path);
  std::shared_ptr<DiscriminatorNet> (*make)(const DiscriminatorOptions& options,
                                            const ClipShape& shape, int64_t classes);
};

/// All of them, in the order they are shown.
const std::vector<DiscriminatorNetwork>& discriminator_networks();
/// The one that the options name, which must be there.
const DiscriminatorNetwork& discriminator_network(const DiscriminatorOptions& options);

/// The pictures that the network of such a discriminator is given, and the frames of a clip.
ClipShape picture_of(const DiscriminatorOptions& options, const ClipShape& shape);
/// Throws c10::Error unless `pictures` are such pictures, [M,C,S,S], and each `frames` are a clip.
void expect_pictures(const torch::Tensor& pictures, int64_t frames, const ClipShape& picture);

DiscriminatorNetwork dcgan_network();
DiscriminatorNetwork residual_network();

/// A network that tells real clips from generated ones. With classes it tells whether a clip is a
/// real one of its class. Submodule: `net`.
class DiscriminatorImpl : public torch::nn::Module {
 public:
  DiscriminatorImpl(const DiscriminatorOptions& options, const ClipShape& shape,
                    const ConditionOptions& condition);

  /// Returns logits [n], high for real; n depends on the kind of discriminator.
  torch::Tensor forward(const ClipBatch& batch, const nn::LayerObserver& observer = {});

  /// The logits of each, in one pass where the network is independent.
  std::pair<torch::Tensor, torch::Tensor> compare(const ClipBatch& real, const ClipBatch& fake);

  const DiscriminatorOptions options;
  const ConditionOptions condition;

 private:
  /// What the network is given of them.
  torch::Tensor pictures_of(const ClipBatch& batch) const;
  int64_t frames_of(const ClipBatch& batch) const;
  /// From what the network returns for them.
  torch::Tensor logits_of(const torch::Tensor& rows, const Condition& asked) const;

  std::shared_ptr<DiscriminatorNet> net_;
};

/// What is known of a type of discriminator.
struct DiscriminatorType {
  std::string name;
  bool takes_frames;
};

/// All of them, in the order they are shown. frame scores k frames of each clip, each for itself: n
/// = B*k, logit b*k+j is of frame frame_indices[b][j]. clip scores whole clips: n = B for the
/// shortest clips it takes, one more a clip for each frame more (for each `frame_stack` frames
/// more).
const std::vector<DiscriminatorType>& discriminator_types();

/// One discriminator that valid options describe, of clips that can be asked to be so, with
/// PyTorch's default weights.
std::shared_ptr<DiscriminatorImpl> make_discriminator(const DiscriminatorOptions& options,
                                                      const ClipShape& shape,
                                                      const ConditionOptions& condition = {});

}  // namespace vidgen::models
