#include "vidgen/models/frame_generator.h"

#include <algorithm>
#include <utility>

namespace vidgen::models {
namespace {

bool attends_at(const FrameGeneratorOptions& options, int64_t resolution) {
  const auto& wanted = options.attention;
  return std::find(wanted.begin(), wanted.end(), resolution) != wanted.end();
}

nn::WarpOptions warp_options(const FrameGeneratorOptions& options, int64_t channels) {
  nn::WarpOptions warp;
  warp.code_dim = options.latent_dim / options.slots;
  warp.slots = options.slots;
  warp.channels = channels;
  warp.groups = options.warp_groups;
  warp.still = options.warp_still;
  warp.fade = options.warp_fade;
  return warp;
}

/// What the first layer takes for latents [M,D]: [M,D,1,1], or with warp_resolution
/// [M/frames*slots,clip_dim,1,1].
torch::Tensor first_pixels(const FrameGeneratorOptions& options, const torch::Tensor& z,
                           int64_t frames) {
  auto rows = z.flatten(1);
  if (options.warp_resolution > 0) {
    rows = rows.slice(0, 0, c10::nullopt, frames)
               .reshape({-1, options.latent_dim / options.slots})
               .narrow(1, 0, options.clip_dim);
  }
  return rows.unsqueeze(2).unsqueeze(3);
}

}  // namespace

void end_stage(const FrameGeneratorOptions& options, int64_t resolution, int64_t width,
               nn::Stages& stages) {
  stages.add_attention(options.attention, resolution, {width, options.attention_axes});
  if (resolution == options.warp_resolution)
    stages.add_warp(resolution, warp_options(options, width));
}

const std::vector<FrameGeneratorType>& frame_generator_types() {
  static const std::vector<FrameGeneratorType> types{dcgan_frames(), residual_frames()};
  return types;
}

const FrameGeneratorType& frame_generator_type(const std::string& name) {
  for (const auto& type : frame_generator_types()) {
    if (type.name == name) return type;
  }
  TORCH_CHECK(false, "no type of frame generator is called ", name);
}

int64_t frame_generator_weights(const FrameGeneratorOptions& options) {
  constexpr int64_t kUp = 4 * 4, kSame = 3 * 3;
  const auto& type = frame_generator_type(options.type);
  int64_t count = 0, resolution = 4, in = options.first_dim();
  for (const int64_t out : options.widths) {
    count += resolution == 4 ? in * out * kUp : type.doubling_weights(in, out);
    if (attends_at(options, resolution)) {
      const nn::SelfAttentionOptions block{out, options.attention_axes};
      count += out * (2 * block.query_channels() + out);
    }
    if (resolution == options.warp_resolution) {
      const auto warp = warp_options(options, out);
      count += warp.hidden * (warp.code_dim + (warp.fade ? 7 : 6) * warp.moving());
    }
    in = out;
    resolution *= 2;
  }
  return count + in * options.channels * (options.full_size_stage ? kSame : kUp);
}

FrameGeneratorImpl::FrameGeneratorImpl(FrameGeneratorOptions options)
    : options(std::move(options)) {
  reset();
}

void FrameGeneratorImpl::reset() {
  stages_ = nn::Stages();
  frame_generator_type(options.type).add_layers(options, stages_);
  stages_.register_in(*this);
}

torch::Tensor FrameGeneratorImpl::forward(const torch::Tensor& z, int64_t frames,
                                          const nn::LayerObserver& observer,
                                          nn::StageOutputs* stages) {
  TORCH_CHECK(z.dim() >= 2 && z.size(1) == options.latent_dim && z.numel() == z.size(0) * z.size(1),
              "expected latents [M,", options.latent_dim, "], found ", z.sizes());
  return stages_.forward(first_pixels(options, z, frames), frames, observer, stages, z.flatten(1));
}

graph::Value FrameGeneratorImpl::describe(graph::Graph& graph, graph::Value z,
                                          const std::string& name) const {
  const auto pixels = graph.reshape(z, {-1, options.latent_dim / options.slots, 1, 1});
  return stages_.describe(graph, pixels, z, name);
}

}  // namespace vidgen::models
