#include "vidgen/models/discriminator.h"

#include "vidgen/nn/autocast.h"
#include "vidgen/nn/layout.h"

namespace vidgen::models {
namespace {

/// Pictures [M,C,H,W] at 1/factor of the size.
torch::Tensor pooled(const torch::Tensor& pictures, int64_t factor) {
  return factor == 1 ? pictures : torch::avg_pool2d(pictures, factor);
}

/// Pictures [B*T,C,H,W] with a channel more: frames since the clip's first one, over 16.
torch::Tensor with_timestamps(const torch::Tensor& pictures, torch::Tensor timestamps,
                              int64_t clips) {
  if (!timestamps.defined())
    timestamps = torch::arange(pictures.size(0) / clips).expand({clips, -1});
  timestamps = timestamps.to(pictures.options());
  const auto since = (timestamps - timestamps.narrow(1, 0, 1)) / 16;
  const auto plane =
      since.reshape({-1, 1, 1, 1}).expand({-1, 1, pictures.size(2), pictures.size(3)});
  return torch::cat({pictures, plane}, 1);
}

}  // namespace

torch::Tensor draw_frame_indices(int64_t clips, int64_t frames, int64_t k,
                                 at::Generator generator) {
  TORCH_CHECK(k >= 1 && k <= frames, "cannot draw ", k, " different frames of ", frames);
  const auto keys = torch::empty({clips, frames}, torch::kDouble).uniform_(0, 1, generator);
  return keys.argsort().narrow(1, 0, k).contiguous();
}

torch::Tensor draw_timestamps(int64_t clips, int64_t frames, int64_t k, at::Generator generator) {
  TORCH_CHECK(k >= 1 && k <= frames, "cannot draw ", k, " different frames of ", frames);
  const int64_t longest = k == 1 ? 1 : (frames - 1) / (k - 1);
  const auto drawn = torch::empty({2, clips, 1}, torch::kDouble).uniform_(0, 1, generator);
  const auto distance = (drawn[0] * longest).floor() + 1;
  const auto first = (drawn[1] * (frames - (k - 1) * distance)).floor();
  return (first + torch::arange(k) * distance).to(torch::kLong);
}

torch::Tensor select_frames(const torch::Tensor& clips, const torch::Tensor& timestamps) {
  const auto first =
      torch::arange(clips.size(0), timestamps.options()).unsqueeze(1) * clips.size(1);
  const auto rows = (timestamps + first).flatten().to(clips.device());
  return clips.flatten(0, 1).index_select(0, rows).unflatten(0, {clips.size(0), -1});
}

// The pixels of a picture are kept together, because index_select puts out dense rows and
// channels_last would be lost otherwise.
torch::Tensor gather_frames(const torch::Tensor& clips, const torch::Tensor& indices) {
  return select_frames(clips.permute({0, 2, 3, 4, 1}), indices)
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

DiscriminatorImpl::DiscriminatorImpl(const DiscriminatorOptions& options, const ClipShape& shape,
                                     const ConditionOptions& condition)
    : options(options),
      condition(condition),
      net_(discriminator_network(options).make(options, shape, condition.classes)) {
  register_module("net", std::dynamic_pointer_cast<torch::nn::Module>(net_));
}

torch::Tensor DiscriminatorImpl::pictures_of(const ClipBatch& batch) const {
  const auto& indices = batch.frame_indices;
  const int64_t clips = batch.clips.size(0);
  TORCH_CHECK(!options.takes_frames() ||
                  (indices.defined() && indices.dim() == 2 && indices.size(0) == clips),
              "a frame discriminator needs frame_indices [B,k]");
  const auto pictures = nn::autocast_type(pooled(
      options.takes_frames() ? gather_frames(batch.clips, indices) : nn::as_frames(batch.clips),
      options.pool));
  return options.timestamps ? with_timestamps(pictures, batch.timestamps, clips) : pictures;
}

int64_t DiscriminatorImpl::frames_of(const ClipBatch& batch) const {
  return options.takes_frames() ? batch.frame_indices.size(1) : batch.clips.size(2);
}

torch::Tensor DiscriminatorImpl::logits_of(const torch::Tensor& rows,
                                           const Condition& asked) const {
  return (condition.classes > 0 ? project_on_classes(rows, asked) : rows).flatten();
}

torch::Tensor DiscriminatorImpl::forward(const ClipBatch& batch,
                                         const nn::LayerObserver& observer) {
  const auto pictures = pictures_of(batch);
  return logits_of(net_->logits(pictures, frames_of(batch), nn::inside("net", observer)),
                   batch.condition);
}

std::pair<torch::Tensor, torch::Tensor> DiscriminatorImpl::compare(const ClipBatch& real,
                                                                   const ClipBatch& fake) {
  if (!discriminator_network(options).independent(options)) {
    const auto of_real = forward(real);
    return {of_real, forward(fake)};
  }
  const auto pictures = torch::cat({pictures_of(real), pictures_of(fake)});
  const auto rows = net_->logits(pictures, {frames_of(real), /*batches=*/2}, {}).chunk(2);
  return {logits_of(rows[0], real.condition), logits_of(rows[1], fake.condition)};
}

const std::vector<DiscriminatorType>& discriminator_types() {
  static const std::vector<DiscriminatorType> types{{"frame", /*takes_frames=*/true},
                                                    {"clip", /*takes_frames=*/false}};
  return types;
}

bool DiscriminatorOptions::takes_frames() const {
  for (const auto& known : discriminator_types()) {
    if (known.name == type) return known.takes_frames;
  }
  TORCH_CHECK(false, "no type of discriminator is called ", type);
}

ClipShape picture_of(const DiscriminatorOptions& options, const ClipShape& shape) {
  return {shape.channels + (options.timestamps ? 1 : 0), shape.frames, shape.size / options.pool};
}

void expect_pictures(const torch::Tensor& pictures, int64_t frames, const ClipShape& picture) {
  TORCH_CHECK(pictures.dim() == 4 && pictures.size(1) == picture.channels &&
                  pictures.size(2) == picture.size && pictures.size(3) == picture.size,
              "expected pictures [M,", picture.channels, ",", picture.size, ",", picture.size,
              "], found ", pictures.sizes());
  TORCH_CHECK(frames > 0 && pictures.size(0) % frames == 0, "expected clips of ", frames,
              " frames, found ", pictures.size(0), " pictures");
}

const std::vector<DiscriminatorNetwork>& discriminator_networks() {
  static const std::vector<DiscriminatorNetwork> networks{dcgan_network(), residual_network()};
  return networks;
}

const DiscriminatorNetwork& discriminator_network(const DiscriminatorOptions& options) {
  for (const auto& network : discriminator_networks()) {
    if (network.name == options.network) return network;
  }
  TORCH_CHECK(false, "no network of a discriminator is called ", options.network);
}

std::shared_ptr<DiscriminatorImpl> make_discriminator(const DiscriminatorOptions& options,
                                                      const ClipShape& shape,
                                                      const ConditionOptions& condition) {
  return std::make_shared<DiscriminatorImpl>(options, shape, condition);
}

}  // namespace vidgen::models
