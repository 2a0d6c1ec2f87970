#pragma once

#include <torch/types.h>

#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "vidgen/core/json.h"

/// Writing a network as a graph of operations, in one of the formats that other programs run. What
/// the graph computes is in graph.cpp, once for all formats.
namespace vidgen::infer {

/// A value of the graph, by its name.
using Value = std::string;

/// The shape of an input or output: numbers, and names for what each run may choose.
using GraphShape = std::vector<std::variant<int64_t, std::string>>;

/// An extent of a tensor.
struct Extent {
  // Implicit, so that shapes read {-1, 3, 64, 64}.
  Extent(int64_t number) : number(number) {}  // NOLINT(google-explicit-constructor)
  /// That of `value` along `axis`, which is known only when the graph runs.
  static Extent of(Value value, int64_t axis) {
    Extent extent(axis);
    extent.value = std::move(value);
    return extent;
  }

  /// As reshape() takes it (-1: whatever is left), or the axis of `value`.
  int64_t number;
  /// Empty for an extent that is a number.
  Value value{};
};

enum class Operation {
  // Of each number for itself.
  kRelu,
  /// With a slope of 0.2.
  kLeakyRelu,
  kTanh,
  kSigmoid,
  kSin,
  kCos,
  // Of two tensors, or a tensor and a number, which are broadcast.
  kAdd,
  kMultiply,
  /// Matrices in the last two axes.
  kMatrixProduct,
  /// Along the last axis.
  kSoftmax,
  /// Rows of a table [N,D] by their numbers, int64 [M] -> [M,D].
  kLookUp
};

struct Convolution {
  /// 1 along frames, 2 over pixels.
  int64_t axes = 2;
  bool transposed = false;
  int64_t stride = 1;
  int64_t padding = 0;
};

/// An LSTM or GRU layer with weights as LibTorch has them.
struct RecurrentLayer {
  bool lstm = false;
  /// What its weights are called after.
  std::string name;
  /// [gates * H, in], [gates * H, H], and [gates * H] each.
  torch::Tensor input_weight, hidden_weight, input_bias, hidden_bias;

  int64_t hidden() const { return hidden_weight.size(1); }
};

struct RecurrentValues {
  /// [T,B,H].
  Value path;
  /// What the layer ends in, [1,B,H] each: the state, for an LSTM also the cells.
  std::vector<Value> states;
};

/// Collects a graph; write() puts it into a file. Inputs are asked for first, in the order in which
/// a program gives them; outputs last.
class GraphWriter {
 public:
  virtual ~GraphWriter() = default;

  /// A tensor that the program gives: float32, or int64.
  virtual Value input(const std::string& name, torch::ScalarType type, const GraphShape& shape) = 0;
  /// A constant tensor: float32.
  virtual Value weight(const std::string& name, const torch::Tensor& tensor) = 0;
  /// A constant tensor held as integers (int8 or int32): integers * scale, where scale [C] is of
  /// the axis `axis`.
  virtual Value scaled_weight(const std::string& name, const torch::Tensor& integers,
                              const torch::Tensor& scale, int64_t axis) = 0;
  virtual Value number(double value) = 0;

  virtual Value apply(Operation operation, const std::vector<Value>& inputs) = 0;
  /// `bias` may be empty.
  virtual Value convolve(const Value& x, const Value& weight, const Value& bias,
                         const Convolution& convolution) = 0;
  /// x [T,B,in]; `states` as RecurrentValues has them, or empty: zeros.
  virtual RecurrentValues recur(const Value& x, const RecurrentLayer& layer,
                                const std::vector<Value>& states) = 0;
  /// Pictures [M,C,H,W] -> [M,C,2H,2W], each pixel four times.
  virtual Value repeat_pixels(const Value& x) = 0;
  /// Pictures [M,C,H,W] at the places grid [M,H',W',2] between their pixels, as
  /// torch.nn.functional.grid_sample: bilinear, zeros outside, corners not aligned.
  virtual Value sample(const Value& x, const Value& grid) = 0;
  /// [B,1,D] -> [B,frames,D].
  virtual Value repeat_frames(const Value& x, const Extent& frames) = 0;
  /// Rounds to the nearest of scale * (0 ... 255 - zero_point), as a uint8 tensor would hold it.
  virtual Value round_to_uint8(const Value& x, double scale, int64_t zero_point) = 0;

  virtual Value concatenate(const std::vector<Value>& parts, int64_t axis) = 0;
  /// Along the axis 1.
  virtual std::vector<Value> split(const Value& x, const std::vector<int64_t>& sizes) = 0;
  virtual Value reshape(const Value& x, const std::vector<Extent>& shape) = 0;
  virtual Value transpose(const Value& x, const std::vector<int64_t>& axes) = 0;

  virtual void output(const std::string& name, const Value& value, const GraphShape& shape) = 0;

  /// The file's content. `description` goes into its metadata.
  virtual std::string finish(const core::Json& description) = 0;
};

}  // namespace vidgen::infer
