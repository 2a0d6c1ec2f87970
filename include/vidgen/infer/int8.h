#pragma once

#include <torch/types.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "vidgen/infer/plan.h"
#include "vidgen/models/video_generator.h"

namespace vidgen::checkpoint {
struct Checkpoint;
}

/// Layers of a plan in eight bits, run by oneDNN's int8 kernels on the CPU. On x86 without VNNI
/// those add up in 16 bits, which can overflow: there the same integers are multiplied in float32,
/// which is as slow as float32, but right.
namespace vidgen::infer {

/// How a uint8 stands for a real number: scale * (q - zero_point). The zero point, 0 to 255, is 0.
struct Uint8Scale {
  double scale = 1;
  int64_t zero_point = 0;
};
inline bool operator==(const Uint8Scale& a, const Uint8Scale& b) {
  return a.scale == b.scale && a.zero_point == b.zero_point;
}

/// clamp(round(x / scale) + zero_point, 0, 255), halves to even, of any floating point tensor on
/// the CPU; in memory as x is.
torch::Tensor to_uint8(const torch::Tensor& x, const Uint8Scale& scale);

/// A layer (kFromLatent, kUpsample2x or kConvolution) in eight bits:
/// y = activation(weight_scale * input_scale * sum(weight * (x - input_zero_point)) + bias).
struct QuantizedLayer {
  /// int8, of the shape that the plan's weight has.
  torch::Tensor weight;
  /// float32 [out], of each output channel.
  torch::Tensor weight_scale;
  /// float32 [out].
  torch::Tensor bias;
  /// Of the uint8 input.
  double input_scale = 1;
  int64_t input_zero_point = 0;

  Uint8Scale input() const { return {input_scale, input_zero_point}; }
};

/// By Layer::name; layers that are absent stay in floating point.
using QuantizedLayers = std::map<std::string, QuantizedLayer>;

/// Whether a layer of this kind can be quantised.
bool can_be_int8(Layer::Kind kind);

/// The layers that a file holds, "int8.<name>.weight|weight_scale|bias|input_scale|
/// input_zero_point"; none for a file that is not quantised. Throws vidgen::Error naming the file
/// and the tensor that is missing, or has another type or count of dimensions than it should.
QuantizedLayers read_int8(const checkpoint::Checkpoint& file);
/// Adds them to the file's tensors.
void write_int8(checkpoint::Checkpoint& file, const QuantizedLayers& layers);
/// Throws vidgen::Error, naming the file `path` and the tensor, when one of the layers is not of
/// the plan or has another shape there.
void check_int8(const QuantizedLayers& layers, const Plan& plan, const std::filesystem::path& path);

/// What a layer hands to those behind it: kByte, which stands for numbers as `scale` says, or
/// kFloat or kBFloat16, where `scale` means nothing.
struct Handover {
  torch::ScalarType type = torch::kFloat;
  Uint8Scale scale{};
};

/// What each layer of the plan hands on: uint8 where all behind it are among `layers` and take the
/// same scale, `other` elsewhere and at the end. A layer in floating point may be told to hand on
/// uint8: its output has to go through to_uint8() then, once for all behind it.
std::vector<Handover> handovers(const Plan& plan, const QuantizedLayers& layers,
                                torch::ScalarType other = torch::kFloat);

/// One layer, prepared for oneDNN. Transposed convolutions run as plain ones: kFromLatent as a
/// product of matrices, kUpsample2x as 2x2 filters of four times the channels, whose outputs are
/// the four phases of the doubled picture, or, where there are many small pictures, as a product of
/// matrices for each phase, to the same bits as long as nothing overflows. Can be called by several
/// threads.
class Int8Layer {
 public:
  /// Reads `kind` and `activation` of the plan's layer, not its weight. `side`: the pixels a side
  /// of what comes in; any size works, and this one says whether products are prepared.
  Int8Layer(const Layer& layer, const QuantizedLayer& quantized, const Handover& output = {},
            int64_t side = 16);

  /// x [M,slots*D] (kFromLatent) or [M,in,H,W], uint8 in the scale of the layer's input or
  /// floating point
  /// -> [M,out,H',W'], channels_last. ReLU and the step to uint8 are part of the kernel; the other
  /// activations are computed in floating point.
  torch::Tensor forward(const torch::Tensor& x) const;

 private:
  torch::Tensor convolve(const torch::Tensor& x) const;
  /// What convolve() and, with pictures of one pixel, multiply() stand for, without oneDNN.
  torch::Tensor convolve_in_float32(const torch::Tensor& x) const;
  /// Rows times one of the matrices.
  torch::Tensor multiply(const torch::Tensor& rows, size_t matrix) const;
  torch::Tensor multiply_phases(const torch::Tensor& x) const;

  Layer::Kind kind_;
  Activation activation_;
  Uint8Scale input_;
  Handover output_;
  /// What the kernel puts out: output_, where it knows the activation. The scale is 1 and the zero
  /// point 0 where that is no uint8.
  Handover raw_;
  int64_t padding_ = 0;
  /// Of kFromLatent.
  int64_t latent_dim_ = 0;
  /// As oneDNN wants it, then undefined for kFromLatent; or float32 [out,in,k,k] of integers.
  torch::Tensor weight_;
  /// Likewise: kFromLatent's, or those of the four phases; empty where there are only convolutions.
  std::vector<torch::Tensor> matrices_;
  torch::Tensor weight_scale_, weight_zero_point_, bias_;
};

/// The graph with those layers in eight bits: floating point between steps to integers and back.
graph::Graph with_int8(const graph::Graph& graph, const QuantizedLayers& layers);

/// As run_plan(), with `layers` in eight bits and the others in the type `other`, kFloat or
/// kBFloat16, by the steps that a CompiledGenerator runs; float32 in the end. Prepares the layers
/// at each call.
torch::Tensor run_plan_int8(const Plan& plan, const QuantizedLayers& layers, const torch::Tensor& z,
                            int64_t frames, torch::ScalarType other = torch::kFloat);

/// Whether a tensor of the generator, "temporal.cell.weight_ih", belongs to none of the plan's
/// weights: those of attention do not either.
bool outside_plan(const Plan& plan, const std::string& tensor);

}  // namespace vidgen::infer
