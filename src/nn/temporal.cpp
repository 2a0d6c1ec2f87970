#include "vidgen/nn/temporal.h"

#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/conv.h>

#include <cmath>
#include <optional>
#include <tuple>
#include <utility>

namespace vidgen::nn {

void fields(core::FieldVisitor& visitor, TemporalOptions& options) {
  visitor.choice("type", options.type,
                 core::Choices<TemporalType>{{"none", TemporalType::kNone},
                                             {"lstm", TemporalType::kLstm},
                                             {"gru", TemporalType::kGru},
                                             {"gru_cell", TemporalType::kGruCell},
                                             {"convolution", TemporalType::kConvolution},
                                             {"waves", TemporalType::kWaves}},
                 "how noise becomes motion; none draws every frame for itself, convolution and "
                 "waves do not drift in clips of any length");
  visitor.field("content_dim", options.content_dim, {0, 4096},
                "length of the latent part that a clip keeps");
  visitor.field("motion_dim", options.motion_dim, {0, 4096},
                "length of the latent part that changes from frame to frame");
  visitor.field("hidden", options.hidden, {1, 4096},
                "state size of lstm and gru, channels between the layers of convolution and waves");
  visitor.field("layers", options.layers, {1, 16},
                "layers of lstm, gru and convolution; gru_cell and waves have one");
  visitor.field("kernel", options.kernel, {1, 255},
                "frames that each layer of convolution looks at, odd; more give a smoother path");
}

void validate(const TemporalOptions& options, const std::string& path) {
  const bool network = options.type != TemporalType::kNone;
  if (options.motion_dim == 0 && (network || options.content_dim == 0)) {
    throw core::FieldError(path + ".motion_dim",
                           network ? "found 0, expected at least 1 for any type but none"
                                   : "found 0, as is content_dim; expected one above 0");
  }
  if (options.type == TemporalType::kConvolution && options.kernel % 2 == 0) {
    throw core::FieldError(path + ".kernel",
                           core::cat("found ", options.kernel, ", expected an odd number"));
  }
  const bool waves = options.type == TemporalType::kWaves;
  if (waves && options.motion_dim % 2 != 0) {
    throw core::FieldError(path + ".motion_dim",
                           core::cat("found ", options.motion_dim,
                                     ", expected an even number: a sine and a cosine a wave"));
  }
  if ((waves || options.type == TemporalType::kGruCell) && options.layers != 1) {
    throw core::FieldError(
        path + ".layers",
        core::cat("found ", options.layers, ", expected 1 for ", waves ? "waves" : "gru_cell"));
  }
}

int64_t noise_frames(const TemporalOptions& options, int64_t frames) {
  const bool convolution = options.type == TemporalType::kConvolution;
  return frames + (convolution ? options.layers * (options.kernel - 1) : 0);
}

VideoRnnImpl::VideoRnnImpl(VideoRnnOptions options) : options(options) { reset(); }

void VideoRnnImpl::reset() {
  const auto configured = [this](auto rnn_options) {
    return rnn_options.num_layers(options.layers).batch_first(true);
  };
  if (options.cell == RnnCell::kLstm) {
    lstm_ = register_module(
        "rnn", torch::nn::LSTM(configured(torch::nn::LSTMOptions(options.dim, options.hidden))));
  } else {
    gru_ = register_module(
        "rnn", torch::nn::GRU(configured(torch::nn::GRUOptions(options.dim, options.hidden))));
  }
  fc_ = register_module("fc", torch::nn::Linear(options.hidden, options.dim));
}

torch::Tensor VideoRnnImpl::states(const torch::Tensor& x) {
  TORCH_CHECK(x.dim() == 3 && x.size(2) == options.dim, "expected latents [B,T,", options.dim,
              "], found ", x.sizes());
  return lstm_ ? std::get<0>(lstm_->forward(x)) : std::get<0>(gru_->forward(x));
}

torch::Tensor VideoRnnImpl::forward(const torch::Tensor& x) { return fc_(states(x)); }

torch::Tensor VideoRnnImpl::predict_next(const torch::Tensor& x) {
  return fc_(states(x).select(1, -1));
}

torch::Tensor VideoRnnImpl::next(const torch::Tensor& x, std::vector<torch::Tensor>& memory) {
  TORCH_CHECK(x.dim() == 3 && x.size(2) == options.dim, "expected latents [B,T,", options.dim,
              "], found ", x.sizes());
  torch::Tensor output;
  if (lstm_) {
    std::optional<std::tuple<torch::Tensor, torch::Tensor>> before;
    if (!memory.empty()) before = std::make_tuple(memory[0], memory[1]);
    std::tuple<torch::Tensor, torch::Tensor> after;
    std::tie(output, after) = lstm_->forward(x, before);
    memory = {std::get<0>(after), std::get<1>(after)};
  } else {
    torch::Tensor after;
    std::tie(output, after) = gru_->forward(x, memory.empty() ? torch::Tensor() : memory[0]);
    memory = {after};
  }
  return fc_(output);
}

GruCellMotionImpl::GruCellMotionImpl(GruCellMotionOptions options) : options(options) { reset(); }

void GruCellMotionImpl::reset() {
  recurrent_ = register_module("recurrent", torch::nn::GRUCell(options.dim, options.dim));
}

torch::Tensor GruCellMotionImpl::forward(const torch::Tensor& noise, const torch::Tensor& initial) {
  TORCH_CHECK(noise.dim() == 3 && noise.size(2) == options.dim, "expected noise [B,T,", options.dim,
              "], found ", noise.sizes());
  std::vector<torch::Tensor> path;
  torch::Tensor state = initial;
  for (const auto& step : noise.unbind(1)) {
    state = recurrent_(step, state);
    path.push_back(state);
  }
  return torch::stack(path, 1);
}

ConvolutionMotionImpl::ConvolutionMotionImpl(ConvolutionMotionOptions options) : options(options) {
  reset();
}

void ConvolutionMotionImpl::reset() {
  namespace layers = torch::nn;
  main_ = layers::Sequential();
  for (int64_t i = 0; i < options.layers; ++i) {
    const int64_t in = i == 0 ? options.dim : options.hidden;
    const int64_t out = i + 1 == options.layers ? options.dim : options.hidden;
    if (i > 0) main_->push_back(layers::LeakyReLU(layers::LeakyReLUOptions().negative_slope(0.2)));
    main_->push_back(layers::Conv1d(layers::Conv1dOptions(in, out, options.kernel)));
  }
  register_module("main", main_);
}

torch::Tensor ConvolutionMotionImpl::forward(const torch::Tensor& noise) {
  const int64_t more = options.layers * (options.kernel - 1);
  TORCH_CHECK(noise.dim() == 3 && noise.size(1) > more && noise.size(2) == options.dim,
              "expected noise [B,T+", more, ",", options.dim, "], found ", noise.sizes());
  return main_->forward(noise.transpose(1, 2)).transpose(1, 2);
}

WaveMotionImpl::WaveMotionImpl(WaveMotionOptions options) : options(options) { reset(); }

void WaveMotionImpl::reset() {
  namespace layers = torch::nn;
  frequency_ = layers::Sequential(layers::Linear(options.dim / 2, options.hidden),
                                  layers::LeakyReLU(layers::LeakyReLUOptions().negative_slope(0.2)),
                                  layers::Linear(options.hidden, options.dim / 2));
  register_module("frequency", frequency_);
}

std::pair<torch::Tensor, torch::Tensor> WaveMotionImpl::waves(const torch::Tensor& noise) {
  TORCH_CHECK(noise.dim() == 2 && noise.size(1) == options.dim, "expected noise [B,", options.dim,
              "], found ", noise.sizes());
  const auto halves = noise.chunk(2, 1);
  return {M_PI / 2 * frequency_->forward(halves[1]).sigmoid(), M_PI * halves[0]};
}

torch::Tensor WaveMotionImpl::forward(const torch::Tensor& noise, int64_t frames, int64_t first) {
  const auto [frequencies, phases] = waves(noise);
  const auto time = torch::arange(first, first + frames, noise.options()).view({1, frames, 1});
  const auto angles = frequencies.unsqueeze(1) * time + phases.unsqueeze(1);
  return M_SQRT2 * torch::cat({angles.sin(), angles.cos()}, 2);
}

torch::Tensor WaveMotionImpl::at_frame(const torch::Tensor& noise, int64_t frame) {
  const auto [frequencies, phases] = waves(noise);
  const auto angles = frequencies.to(torch::kDouble) * static_cast<double>(frame) + phases;
  return (M_SQRT2 * torch::cat({angles.sin(), angles.cos()}, 1)).to(noise.scalar_type());
}

}  // namespace vidgen::nn
