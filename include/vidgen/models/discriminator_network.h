#pragma once

#include <torch/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "vidgen/models/options.h"
#include "vidgen/models/shape.h"
#include "vidgen/nn/observer.h"

namespace vidgen::models {

/// The network inside of a discriminator, which is a torch::nn::Module, too.
class DiscriminatorNet {
 public:
  virtual ~DiscriminatorNet() = default;
  /// Pictures [M,C,S,S], of which each `frames` in a row are one clip -> rows [N,1+classes,...], as
  /// project_on_classes() takes them.
  virtual torch::Tensor logits(const torch::Tensor& pictures, int64_t frames,
                               const nn::LayerObserver& observer) = 0;
};

/// What is known of a kind of network without its weights. The options are those of the
/// discriminator it is in.
struct DiscriminatorNetwork {
  std::string name;
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

}  // namespace vidgen::models
