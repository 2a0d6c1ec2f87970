#include "vidgen/nn/temporal.h"

#include <tuple>
#include <utility>

namespace vidgen::nn {

void fields(core::FieldVisitor& visitor, TemporalOptions& options) {
  visitor.choice("type", options.type,
                 core::Choices<TemporalType>{{"none", TemporalType::kNone},
                                             {"lstm", TemporalType::kLstm},
                                             {"gru", TemporalType::kGru},
                                             {"gru_cell", TemporalType::kGruCell}},
                 "how the noise of the frames becomes motion; none draws every frame for itself");
  visitor.field("content_dim", options.content_dim, {0, 4096},
                "length of the latent part that a clip keeps");
  visitor.field("motion_dim", options.motion_dim, {0, 4096},
                "length of the latent part that changes from frame to frame");
  visitor.field("hidden", options.hidden, {1, 4096}, "state size of lstm and gru");
  visitor.field("layers", options.layers, {1, 16}, "layers of lstm and gru; gru_cell has one");
}

void validate(const TemporalOptions& options, const std::string& path) {
  const bool recurrent = options.type != TemporalType::kNone;
  if (options.motion_dim == 0 && (recurrent || options.content_dim == 0)) {
    throw core::FieldError(path + ".motion_dim",
                           recurrent ? "found 0, expected at least 1 for a recurrent type"
                                     : "found 0, as is content_dim; expected one above 0");
  }
  if (options.type == TemporalType::kGruCell && options.layers != 1) {
    throw core::FieldError(path + ".layers",
                           core::cat("found ", options.layers, ", expected 1 for gru_cell"));
  }
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

}  // namespace vidgen::nn
