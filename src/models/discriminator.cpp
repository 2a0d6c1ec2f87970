#include "vidgen/models/discriminator.h"

#include "vidgen/nn/layout.h"

namespace vidgen::models {
namespace {

/// Pictures [M,C,H,W] at 1/factor of the size.
torch::Tensor pooled(const torch::Tensor& pictures, int64_t factor) {
  return factor == 1 ? pictures : torch::avg_pool2d(pictures, factor);
}

/// Pictures [B*T,C,H,W] with a channel more: frames since the clip's first one, over 16.
torch::Tensor with_times(const torch::Tensor& pictures, torch::Tensor times, int64_t clips) {
  if (!times.defined()) times = torch::arange(pictures.size(0) / clips).expand({clips, -1});
  times = times.to(pictures.options());
  const auto since = (times - times.narrow(1, 0, 1)) / 16;
  const auto plane =
      since.reshape({-1, 1, 1, 1}).expand({-1, 1, pictures.size(2), pictures.size(3)});
  return torch::cat({pictures, plane}, 1);
}

ResidualDiscriminatorOptions residual_options(const DiscriminatorOptions& options,
                                              const ClipShape& shape, int64_t classes) {
  ResidualDiscriminatorOptions net;
  net.channels = shape.channels + (options.times ? 1 : 0);
  net.widths = resolved_widths(options, shape);
  net.attention = options.attention;
  net.attention_axes = options.attention_axes;
  net.classes = classes;
  net.norm = options.norm;
  net.over_time = options.type == DiscriminatorType::kClip;
  net.fold = options.fold;
  net.fold_at = options.fold_at;
  net.minibatch_stddev = options.minibatch_stddev;
  return net;
}

/// Makes the network that the options name, as the submodule `net`; the other stays empty.
template <class Strided>
void make_net(DiscriminatorImpl& owner, const ClipShape& shape, Strided& strided,
              ResidualDiscriminator& residual) {
  const auto& options = owner.options;
  if (options.network == DiscriminatorNetwork::kResidual) {
    residual = owner.register_module(
        "net", ResidualDiscriminator(residual_options(options, shape, owner.condition.classes)));
  } else {
    using StridedOptions = decltype(Strided::Impl::options);
    strided = owner.register_module(
        "net",
        Strided(StridedOptions{shape.channels, resolved_widths(options, shape), options.attention,
                               options.attention_axes, owner.condition.classes}));
  }
}

}  // namespace

torch::Tensor draw_frame_indices(int64_t clips, int64_t frames, int64_t k,
                                 at::Generator generator) {
  TORCH_CHECK(k >= 1 && k <= frames, "cannot draw ", k, " different frames of ", frames);
  const auto keys = torch::empty({clips, frames}, torch::kDouble).uniform_(0, 1, generator);
  return keys.argsort().narrow(1, 0, k).contiguous();
}

torch::Tensor draw_times(int64_t clips, int64_t frames, int64_t k, at::Generator generator) {
  TORCH_CHECK(k >= 1 && k <= frames, "cannot draw ", k, " different frames of ", frames);
  const int64_t longest = k == 1 ? 1 : (frames - 1) / (k - 1);
  const auto drawn = torch::empty({2, clips, 1}, torch::kDouble).uniform_(0, 1, generator);
  const auto distance = (drawn[0] * longest).floor() + 1;
  const auto first = (drawn[1] * (frames - (k - 1) * distance)).floor();
  return (first + torch::arange(k) * distance).to(torch::kLong);
}

torch::Tensor select_times(const torch::Tensor& clips, const torch::Tensor& times) {
  const auto first = torch::arange(clips.size(0), times.options()).unsqueeze(1) * clips.size(1);
  const auto rows = (times + first).flatten().to(clips.device());
  return clips.flatten(0, 1).index_select(0, rows).unflatten(0, {clips.size(0), -1});
}

// The pixels of a picture are kept together, because index_select puts out dense rows and
// channels_last would be lost otherwise.
torch::Tensor gather_frames(const torch::Tensor& clips, const torch::Tensor& indices) {
  return select_times(clips.permute({0, 2, 3, 4, 1}), indices)
      .permute({0, 1, 4, 2, 3})
      .flatten(0, 1);
}

torch::Tensor project_on_classes(const torch::Tensor& rows, const Condition& condition) {
  const auto& labels = condition.labels;
  TORCH_CHECK(labels.defined() && labels.dim() == 1 && labels.size(0) > 0 &&
                  rows.size(0) % labels.size(0) == 0,
              "a discriminator of classes needs the labels [B] of its clips");
  auto one_channel = rows.sizes().vec();
  one_channel[1] = 1;
  std::vector<int64_t> one_number(one_channel.size(), 1);
  one_number[0] = rows.size(0);
  const auto of_rows = condition.repeat(rows.size(0) / labels.size(0)).labels;
  const auto channel = (of_rows + 1).view(one_number).expand(one_channel);
  return rows.narrow(1, 0, 1) + rows.gather(1, channel);
}

FrameDiscriminatorImpl::FrameDiscriminatorImpl(const DiscriminatorOptions& options,
                                               const ClipShape& shape,
                                               const ConditionOptions& condition)
    : DiscriminatorImpl(options, condition) {
  make_net(*this, shape, dcgan_, residual_);
}

torch::Tensor FrameDiscriminatorImpl::run(const ClipBatch& batch,
                                          const nn::LayerObserver& observer) {
  const auto& indices = batch.frame_indices;
  TORCH_CHECK(indices.defined() && indices.dim() == 2 && indices.size(0) == batch.clips.size(0),
              "a frame discriminator needs frame_indices [B,k]");
  const auto pictures = pooled(gather_frames(batch.clips, indices), options.pool);
  const int64_t frames = indices.size(1);
  const auto in_net = nn::inside("net", observer);
  return residual_ ? residual_->forward(pictures, frames, in_net)
                   : dcgan_->forward(pictures, frames, in_net);
}

ClipDiscriminatorImpl::ClipDiscriminatorImpl(const DiscriminatorOptions& options,
                                             const ClipShape& shape,
                                             const ConditionOptions& condition)
    : DiscriminatorImpl(options, condition) {
  make_net(*this, shape, mocogan_, residual_);
}

torch::Tensor ClipDiscriminatorImpl::run(const ClipBatch& batch,
                                         const nn::LayerObserver& observer) {
  const auto in_net = nn::inside("net", observer);
  if (residual_) {
    auto frames = pooled(nn::as_frames(batch.clips), options.pool);
    if (options.times) frames = with_times(frames, batch.times, batch.clips.size(0));
    return residual_->forward(frames, batch.clips.size(2), in_net);
  }
  auto clips = batch.clips;
  if (options.pool > 1) {
    clips = nn::as_clips(pooled(nn::as_frames(clips), options.pool), clips.size(0));
  }
  return mocogan_->forward(clips, in_net);
}

}  // namespace vidgen::models
