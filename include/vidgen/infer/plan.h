#pragma once

#include <torch/types.h>

#include <functional>
#include <string>
#include <vector>

#include "vidgen/graph/graph.h"
#include "vidgen/models/video_generator.h"
#include "vidgen/nn/attention.h"
#include "vidgen/nn/warp.h"

namespace vidgen::infer {

/// What follows a layer's sum. The slope of kLeakyRelu is 0.2.
enum class Activation { kNone, kRelu, kLeakyRelu, kTanh };

/// x after the activation; x itself is changed.
torch::Tensor activate_(torch::Tensor x, Activation activation);

/// Operations of a frame generator's graph that run as one.
struct Layer {
  enum class Kind {
    /// [M,slots*D] -> [M*slots,C,4,4]: ConvTranspose2d k4 s1 p0 of one pixel; weight
    /// [D,C,4,4].
    kFromLatent,
    /// ConvTranspose2d k4 s2 p1; weight [in,out,4,4].
    kUpsample2x,
    /// Conv2d of odd kernel k, stride 1, padding k/2; weight [out,in,k,k].
    kConvolution,
    /// Each pixel becomes 2x2; no weight.
    kRepeat,
    /// (first + second) * scale; no weight.
    kAdd,
    /// nn::SelfAttention `attention`; no weight here.
    kAttention,
    /// nn::Warp `warp`, which also takes the latents; no weight here. What comes before is the same
    /// for all frames of a clip.
    kWarp
  };

  /// The module whose weights these are: "frame.main.0", "frame.main.4.conv",
  /// "frame.attention_16"; those without a module are called "frame.main.4.repeat" and
  /// "frame.main.4.add". Unique.
  std::string name;
  Kind kind = Kind::kConvolution;
  /// Layers whose output this one takes, by their place in the plan; empty: the latent.
  std::vector<size_t> inputs{};
  /// float32, contiguous; undefined where the kind has none. bias [C].
  torch::Tensor weight{}, bias{};
  Activation activation = Activation::kNone;
  /// Of kAdd.
  double scale = 1;
  /// Of kAttention: the network's own, not a copy.
  nn::SelfAttention attention{nullptr};
  /// Of kWarp, likewise.
  nn::Warp warp{nullptr};
};

/// The axis of the output channels in a weight of a layer of this kind.
int64_t output_axis(Layer::Kind kind);

/// In the order of execution; the last puts out pictures [M,C,S,S] in [-1,1].
using Plan = std::vector<Layer>;

/// The frame generator of a network, `z` [M,D] -> `frames` [M,C,S,S]. Weights are called after the
/// network's modules.
graph::Graph frame_graph(const models::VideoGenerator& network);

/// Such a graph in the passes that there are. Batch normalisation becomes part of the convolution
/// before it.
Plan make_plan(const graph::Graph& frames);
Plan make_plan(const models::VideoGenerator& network);

/// For each layer of the plan, the last one that takes its output; plan.size() where none does.
std::vector<size_t> last_uses(const Plan& plan);

/// Is shown what went into a layer (kAdd: the first of the two) and what came out.
using PlanObserver =
    std::function<void(size_t index, const torch::Tensor& input, const torch::Tensor& output)>;

/// Runs a plan by LibTorch in float32, without gradients: z [M,D], of which each `frames` rows are
/// one clip (counts for attention over time only) -> [M,C,S,S]. `show`, if given, is called for
/// each layer in turn.
torch::Tensor run_plan(const Plan& plan, const torch::Tensor& z, int64_t frames,
                       const PlanObserver& show = {});

/// Makes of a layer's input (kAdd: of the first of the two) what the layer takes in its place.
using PlanInput = std::function<torch::Tensor(size_t index, const torch::Tensor& input)>;

/// As run_plan(), but of changed inputs, and recorded for gradients where those are on.
torch::Tensor run_plan_with_gradients(const Plan& plan, const torch::Tensor& z, int64_t frames,
                                      const PlanInput& input);

/// What a last layer sums up, before its tanh -> the pixels of models::to_rgb(), in one pass over
/// memory: round(127.5 * (tanh(sums) + 1)), grey repeated, as uint8 RGB [M,S,S,3]. tanh is exact to
/// 3e-7, so that a pixel may be the next one where it lies that near the middle between two. What
/// is not a number is black.
///
/// `sums`: [M,C,S,S] on the CPU, float32 or bfloat16, C 3 or 1; copied unless channels_last. With
/// `phases` they are those of a layer that doubles, [M,4C,S/2+1,S/2+1]: pixel (2r+a, 2q+b) of
/// channel c is sums[m, (2a+b)C+c, r+a, q+b].
torch::Tensor tanh_to_rgb(const torch::Tensor& sums, bool phases = false);

}  // namespace vidgen::infer
