#pragma once

#include <torch/nn/cloneable.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/modules/rnn.h>
#include <torch/nn/pimpl.h>
#include <torch/types.h>

#include <string>
#include <utility>
#include <vector>

#include "vidgen/core/fields.h"

namespace vidgen::nn {

/// How the noise of the frames becomes a motion path.
enum class TemporalType {
  /// The noise itself: every frame is drawn for itself.
  kNone,
  /// VideoRnn with LSTM cells.
  kLstm,
  /// VideoRnn with GRU cells.
  kGru,
  /// One GRU cell whose state is the path, as in MoCoGAN.
  kGruCell,
  /// ConvolutionMotion: every frame of a path is distributed alike, however long it grows.
  kConvolution,
  /// WaveMotion: the same, of a few numbers a clip instead of a few a frame.
  kWaves
};

struct TemporalOptions {
  TemporalType type = TemporalType::kGruCell;
  /// Length of the latent part that a clip keeps from its first frame to its last.
  int64_t content_dim = 50;
  /// Length of the latent part that changes from frame to frame, and of the noise that it is made
  /// from.
  int64_t motion_dim = 10;
  /// State size of lstm and gru, channels between the layers of convolution and waves; the state of
  /// gru_cell is the motion itself.
  int64_t hidden = 64;
  /// Layers of lstm, gru and convolution, stacked; gru_cell has one.
  int64_t layers = 1;
  /// Frames that each layer of convolution looks at; odd. More give a smoother path.
  int64_t kernel = 11;
};

void fields(core::FieldVisitor& visitor, TemporalOptions& options);

/// Throws core::FieldError, naming keys under `path`, when the fields do not fit together.
void validate(const TemporalOptions& options, const std::string& path);

/// Frames of noise that a path of `frames` frames is made from: as many, and for convolution those
/// more that its layers look at, layers * (kernel - 1).
int64_t noise_frames(const TemporalOptions& options, int64_t frames);

enum class RnnCell { kLstm, kGru };

struct VideoRnnOptions {
  RnnCell cell = RnnCell::kLstm;
  /// D, the length of a latent.
  int64_t dim = 100;
  int64_t hidden = 64;
  int64_t layers = 1;
};

/// A stack of LSTM or GRU layers over a sequence of latents, and a linear map from its state back
/// to a latent. The state starts at zero. Parameters: rnn.*, fc.*.
class VideoRnnImpl : public torch::nn::Cloneable<VideoRnnImpl> {
 public:
  explicit VideoRnnImpl(VideoRnnOptions options);

  /// x [B,T,D] -> [B,T,D], one latent a step: a motion path from noise.
  torch::Tensor forward(const torch::Tensor& x);
  /// x [B,T,D] -> [B,D]: the latent that follows, which is the last step of forward().
  torch::Tensor predict_next(const torch::Tensor& x);
  /// The steps of forward() that follow those which left `memory`, or the first where it is empty:
  /// x [B,T,D] -> [B,T,D]. Leaves in `memory` what the next ones need.
  torch::Tensor next(const torch::Tensor& x, std::vector<torch::Tensor>& memory);
  void reset() override;

  VideoRnnOptions options;

 private:
  torch::Tensor states(const torch::Tensor& x);

  // The one that options.cell names; the other stays empty.
  torch::nn::LSTM lstm_{nullptr};
  torch::nn::GRU gru_{nullptr};
  torch::nn::Linear fc_{nullptr};
};
TORCH_MODULE(VideoRnn);

struct GruCellMotionOptions {
  /// D, the length of the noise, the state and the motion code.
  int64_t dim = 10;
};

/// The motion path of MoCoGAN (Tulyakov et al., 2018): h_{t+1} = GRUCell(noise_t, h_t), and frame t
/// gets h_{t+1}, so that h_0 itself makes no frame. Parameters: recurrent.*.
class GruCellMotionImpl : public torch::nn::Cloneable<GruCellMotionImpl> {
 public:
  explicit GruCellMotionImpl(GruCellMotionOptions options);

  /// noise [B,T,D], initial (h_0) [B,D] -> [B,T,D].
  torch::Tensor forward(const torch::Tensor& noise, const torch::Tensor& initial);
  void reset() override;

  GruCellMotionOptions options;

 private:
  torch::nn::GRUCell recurrent_{nullptr};
};
TORCH_MODULE(GruCellMotion);

struct ConvolutionMotionOptions {
  /// D, the length of the noise and of the motion code.
  int64_t dim = 10;
  int64_t hidden = 64;
  int64_t layers = 1;
  int64_t kernel = 11;
};

/// A motion path by convolutions over time without padding, LeakyReLU 0.2 between them, as in
/// StyleGAN-V (Skorokhodov et al., 2022). Frame t depends on the noise t ... t + layers * (kernel -
/// 1) and on nothing else, and by the same function for every t: the path is stationary, so that a
/// long clip drifts nowhere, and any part of it can be computed by itself. Parameters: main.<i>.*.
class ConvolutionMotionImpl : public torch::nn::Cloneable<ConvolutionMotionImpl> {
 public:
  explicit ConvolutionMotionImpl(ConvolutionMotionOptions options);

  /// noise [B, T + layers * (kernel - 1), D] -> [B,T,D].
  torch::Tensor forward(const torch::Tensor& noise);
  void reset() override;

  ConvolutionMotionOptions options;

 private:
  torch::nn::Sequential main_;
};
TORCH_MODULE(ConvolutionMotion);

struct WaveMotionOptions {
  /// D, the length of the noise and of the motion code; even.
  int64_t dim = 10;
  int64_t hidden = 64;
};

/// D / 2 waves, each a sine and a cosine: of frame t and wave j, sqrt(2) sin(w_j t + p_j) and
/// sqrt(2) cos(w_j t + p_j). The first half of the noise gives the phases, p_j = pi noise_j; the
/// second half the frequencies, through a layer of LeakyReLU 0.2 and sigmoid, 0 < w_j < pi / 2 (a
/// period of four frames). Stationary, as ConvolutionMotion, and frame t needs no other. After the
/// positional codes of StyleGAN-V (Skorokhodov et al., 2022), whose waves also change along a clip.
/// Parameters: frequency.0.*, frequency.2.*.
class WaveMotionImpl : public torch::nn::Cloneable<WaveMotionImpl> {
 public:
  explicit WaveMotionImpl(WaveMotionOptions options);

  /// noise of a clip [B,D] -> [B,frames,D], from frame `first` on.
  torch::Tensor forward(const torch::Tensor& noise, int64_t frames, int64_t first = 0);
  /// Row `frame` of forward(), [B,D], however large: the angle is computed in float64.
  torch::Tensor at_frame(const torch::Tensor& noise, int64_t frame);
  void reset() override;

  WaveMotionOptions options;

 private:
  /// Frequencies and phases [B,D/2].
  std::pair<torch::Tensor, torch::Tensor> waves(const torch::Tensor& noise);

  torch::nn::Sequential frequency_;
};
TORCH_MODULE(WaveMotion);

}  // namespace vidgen::nn
