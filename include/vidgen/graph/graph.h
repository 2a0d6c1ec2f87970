#pragma once

#include <torch/types.h>

#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

/// What a network computes, as a list of operations on values: no gradients, no modes. Blocks write
/// themselves into a Graph; what runs, exports, shrinks or counts a network reads it there. The
/// operations are few, and mean what those of ONNX of about the same name mean.
namespace vidgen::graph {

/// How long an axis is: a number, which may be so many for each of the clips, for each of their
/// frames, or for each frame of each clip, and `more` of them.
struct Extent {
  // Implicit, so that shapes read {-1, 3, 64, 64}.
  Extent(int64_t number) : number(number) {}  // NOLINT(google-explicit-constructor)

  /// In a shape that is asked for, -1 alone stands for whatever is left.
  int64_t number;
  bool clips = false;
  bool frames = false;
  int64_t more = 0;

  bool is_number() const { return !clips && !frames; }
  int64_t of(int64_t clip_count, int64_t frame_count) const {
    return number * (clips ? clip_count : 1) * (frames ? frame_count : 1) + more;
  }
};
bool operator==(const Extent& a, const Extent& b);
inline bool operator!=(const Extent& a, const Extent& b) { return !(a == b); }
/// "8", "2*clips*frames", "frames+4".
std::string name_of(const Extent& extent);

/// So many for each clip of the batch.
Extent each_clip(int64_t number = 1);
/// One for each frame of a clip, and `more`.
Extent each_frame(int64_t more = 0);

using Shape = std::vector<Extent>;

/// A value of a graph, by its place among the values.
struct Value {
  int64_t index = -1;
  bool empty() const { return index < 0; }
};

/// Of each number for itself, of two tensors that are broadcast, or as is said.
enum class Function {
  kRelu,
  /// With a slope of 0.2.
  kLeakyRelu,
  kTanh,
  kSigmoid,
  kSin,
  kCos,
  kAdd,
  kMultiply,
  /// Matrices in the last two axes.
  kMatrixProduct,
  /// Along the last axis.
  kSoftmax,
  /// Rows of a table [N,D] by their numbers, int64 [M] -> [M,D].
  kLookUp
};

/// The kinds of operations that are more than a Function.

/// x, weight and optionally bias, as torch.nn.functional.conv1d, conv2d or conv_transpose2d.
struct Convolution {
  /// 1 along frames, 2 over pixels.
  int64_t axes = 2;
  bool transposed = false;
  int64_t stride = 1;
  int64_t padding = 0;
};
/// A layer of an LSTM or GRU: x [T,B,in], then input weight, hidden weight, input bias and hidden
/// bias as LibTorch has them, then what it starts from, [1,B,H] each (the state, for an LSTM also
/// the cells), or nothing for zeros -> the path [T,B,H], and what it ends in.
struct Recurrence {
  bool lstm = false;
};
/// Pictures [M,C,H,W] -> [M,C,2H,2W], each pixel four times.
struct RepeatPixels {};
/// Pictures [M,C,H,W] at the places grid [M,H',W',2] between their pixels, as
/// torch.nn.functional.grid_sample: bilinear, zeros outside, corners not aligned.
struct Sample {};
/// [B,1,D] -> [B,frames,D].
struct RepeatFrames {};
/// To the nearest of scale * (0 ... 255 - zero_point), as a uint8 tensor would hold it.
struct RoundToUint8 {
  double scale = 1;
  int64_t zero_point = 0;
};
struct Concatenate {
  int64_t axis = 0;
};
/// Along the axis 1.
struct Split {
  std::vector<int64_t> sizes;
};
/// To the shape of its output.
struct Reshape {};
struct Transpose {
  std::vector<int64_t> axes;
};
/// Pictures [M,C,H,W], then weight, bias, mean and variance [C]: weight * (x - mean) /
/// sqrt(variance + epsilon) + bias.
struct BatchNorm {
  double epsilon = 1e-5;
};
class Block;
/// A block as one operation; its weights are called after `name`.
struct Call {
  std::shared_ptr<Block> block;
  std::string name;
};
using Kind = std::variant<Function, Convolution, Recurrence, RepeatPixels, Sample, RepeatFrames,
                          RoundToUint8, Concatenate, Split, Reshape, Transpose, BatchNorm, Call>;

struct Op {
  Kind kind;
  std::vector<Value> inputs;
  std::vector<Value> outputs;
};

/// A tensor that belongs to the graph: `tensor`, or where there is a scale, integers that stand for
/// tensor * scale, the scale [C] being that of the axis `axis`.
struct Constant {
  std::string name;
  torch::Tensor tensor;
  torch::Tensor scale{};
  int64_t axis = 0;

  /// What it stands for.
  torch::Tensor value() const;
};

/// A value that comes from outside or goes there.
struct Port {
  std::string name;
  Value value;
};

/// Built from its inputs to its outputs; each function that adds an operation returns its result,
/// and throws c10::Error where shapes do not fit.
class Graph {
 public:
  /// A tensor that the program gives: float32, or int64.
  Value input(const std::string& name, torch::ScalarType type, Shape shape);
  Value weight(const std::string& name, const torch::Tensor& tensor);
  /// One held as integers (int8 or int32), as Constant says.
  Value scaled_weight(const std::string& name, const torch::Tensor& integers,
                      const torch::Tensor& scale, int64_t axis);
  Value number(double value);

  Value apply(Function function, const std::vector<Value>& inputs);
  Value add(Value a, Value b) { return apply(Function::kAdd, {a, b}); }
  Value multiply(Value a, Value b) { return apply(Function::kMultiply, {a, b}); }
  Value matrix_product(Value a, Value b) { return apply(Function::kMatrixProduct, {a, b}); }
  /// x [...,in] by weights as those of torch::nn::Linear, [out,in] and [out].
  Value linear(Value x, const std::string& name, const torch::Tensor& weight,
               const torch::Tensor& bias);
  /// `bias` may be empty.
  Value convolve(Value x, Value weight, Value bias, const Convolution& convolution);
  /// The inputs of Recurrence; returns the path and the states.
  std::vector<Value> recur(const std::vector<Value>& inputs, bool lstm);
  Value repeat_pixels(Value x);
  Value sample(Value x, Value grid);
  Value repeat_frames(Value x);
  Value round_to_uint8(Value x, double scale, int64_t zero_point);
  /// One part is itself.
  Value concatenate(const std::vector<Value>& parts, int64_t axis);
  std::vector<Value> split(Value x, const std::vector<int64_t>& sizes);
  Value reshape(Value x, Shape shape);
  Value transpose(Value x, const std::vector<int64_t>& axes);
  Value batch_norm(const std::vector<Value>& inputs, double epsilon);
  Value call(std::shared_ptr<Block> block, const std::string& name,
             const std::vector<Value>& inputs);
  /// An operation of another graph, on these inputs.
  std::vector<Value> copy(const Graph& other, const Op& op, const std::vector<Value>& inputs);
  Value copy(const Constant& constant) { return new_constant(constant); }

  void output(const std::string& name, Value value) { outputs_.push_back({name, value}); }

  const Shape& shape(Value value) const { return info(value).shape; }
  torch::ScalarType type(Value value) const { return info(value).type; }
  /// Null for one that is computed, or comes from outside.
  const Constant* constant(Value value) const;
  /// In the order of execution.
  const std::vector<Op>& ops() const { return ops_; }
  const std::vector<Port>& inputs() const { return inputs_; }
  const std::vector<Port>& outputs() const { return outputs_; }
  size_t value_count() const { return values_.size(); }

 private:
  struct Info {
    torch::ScalarType type;
    Shape shape;
    /// Its place among the constants; -1 for none.
    int64_t constant = -1;
  };
  const Info& info(Value value) const { return values_.at(static_cast<size_t>(value.index)); }
  Value new_value(Shape shape, torch::ScalarType type = torch::kFloat);
  Value new_constant(Constant constant);
  /// Adds an operation with one result.
  Value op(Kind kind, const std::vector<Value>& inputs, Shape shape);

  std::vector<Info> values_;
  std::vector<Constant> constants_;
  std::vector<Op> ops_;
  std::vector<Port> inputs_, outputs_;
};

/// A part of a network that whoever has a pass for it runs at once (Call); to all others it is what
/// it describes.
class Block {
 public:
  virtual ~Block() = default;
  /// What it computes, on weights called after `name`.
  virtual Value describe(Graph& graph, const std::vector<Value>& inputs,
                         const std::string& name) const = 0;
  /// Of the result.
  virtual Shape shape(const std::vector<Shape>& inputs) const = 0;
};

/// An axis as programs know it that have no names for extents: a number (-1: whatever is left), or
/// as long as the axis `number` of `like`.
struct Length {
  int64_t number;
  Value like{};
};
/// Those of a value, the lengths of values before it being known. At most one is -1.
std::vector<Length> lengths_of(const Graph& graph, Value value);

}  // namespace vidgen::graph
