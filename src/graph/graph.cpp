#include "vidgen/graph/graph.h"

#include <algorithm>

#include "vidgen/core/error.h"
#include "vidgen/core/text.h"

namespace vidgen::graph {
namespace {

std::string name_of(const Shape& shape) {
  std::vector<std::string> names;
  for (const auto& extent : shape) names.push_back(graph::name_of(extent));
  return "[" + core::join(names) + "]";
}

/// Aligned at their ends; an axis of 1 goes with any.
Shape broadcast(const Shape& a, const Shape& b) {
  const Shape& longer = a.size() >= b.size() ? a : b;
  const Shape& shorter = a.size() >= b.size() ? b : a;
  Shape result = longer;
  for (size_t i = 0; i < shorter.size(); ++i) {
    auto& extent = result[longer.size() - shorter.size() + i];
    if (extent == Extent(1)) {
      extent = shorter[i];
    } else {
      TORCH_CHECK(shorter[i] == Extent(1) || shorter[i] == extent, name_of(a), " and ", name_of(b),
                  " do not fit");
    }
  }
  return result;
}

Shape product(const Shape& a, const Shape& b) {
  TORCH_CHECK(a.size() >= 2 && b.size() >= 2 && a.back() == b[b.size() - 2],
              "no matrix product of ", name_of(a), " and ", name_of(b));
  auto result = broadcast({a.begin(), a.end() - 2}, {b.begin(), b.end() - 2});
  result.push_back(a[a.size() - 2]);
  result.push_back(b.back());
  return result;
}

/// A product of extents, of which those with more than a product are apart.
struct Size {
  int64_t number = 1;
  int64_t clips = 0, frames = 0;
  std::vector<Extent> others;

  void times(const Extent& extent, int64_t sign) {
    if (extent.more != 0) {
      const auto same = std::find(others.begin(), others.end(), extent);
      if (same == others.end()) {
        others.push_back(extent);
      } else {
        others.erase(same);
      }
      return;
    }
    if (sign > 0) number *= extent.number;
    clips += sign * (extent.clips ? 1 : 0);
    frames += sign * (extent.frames ? 1 : 0);
  }
};

Shape shape_of(Function function, const std::vector<Shape>& inputs) {
  switch (function) {
    case Function::kAdd:
    case Function::kMultiply:
      return broadcast(inputs.at(0), inputs.at(1));
    case Function::kMatrixProduct:
      return product(inputs.at(0), inputs.at(1));
    case Function::kLookUp:
      return {inputs.at(1).at(0), inputs.at(0).at(1)};
    default:
      return inputs.at(0);
  }
}

Shape shape_of(const Convolution& convolution, const Shape& x, const Shape& weight) {
  const auto axes = static_cast<size_t>(convolution.axes);
  TORCH_CHECK(x.size() == axes + 2 && weight.size() == axes + 2 &&
                  x[1] == weight[convolution.transposed ? 0 : 1],
              "no convolution of ", name_of(x), " by ", name_of(weight));
  Shape result{x[0], weight[convolution.transposed ? 1 : 0]};
  for (size_t axis = 2; axis < axes + 2; ++axis) {
    auto extent = x[axis];
    const int64_t kernel = weight[axis].number, around = 2 * convolution.padding;
    if (!extent.is_number()) {
      TORCH_CHECK(!convolution.transposed && convolution.stride == 1, "no convolution of ",
                  name_of(x), " with a stride");
      extent.more += around - (kernel - 1);
    } else if (convolution.transposed) {
      extent.number = (extent.number - 1) * convolution.stride - around + kernel;
    } else {
      extent.number = (extent.number + around - kernel) / convolution.stride + 1;
    }
    result.push_back(extent);
  }
  return result;
}

/// `wanted` with what its -1 stands for.
Shape complete(const Shape& given, Shape wanted) {
  Size size;
  int64_t asked = 1;
  Extent* rest = nullptr;
  for (const auto& extent : given) size.times(extent, 1);
  for (auto& extent : wanted) {
    if (extent.number < 0) {
      TORCH_CHECK(!rest, "more than one -1 in a shape");
      rest = &extent;
      continue;
    }
    size.times(extent, -1);
    if (extent.more == 0) asked *= extent.number;
  }
  const bool fits = size.others.empty() && size.number % asked == 0 && size.clips >= 0 &&
                    size.frames >= 0 && size.clips <= 1 && size.frames <= 1 &&
                    (rest || (size.number == asked && size.clips == 0 && size.frames == 0));
  TORCH_CHECK(fits, "cannot make ", name_of(wanted), " of ", name_of(given));
  if (!rest) return wanted;
  *rest = Extent(size.number / asked);
  rest->clips = size.clips > 0;
  rest->frames = size.frames > 0;
  return wanted;
}

/// An axis of a value before `value` that is as long; empty `like` where there is none.
Length find_axis(const Graph& graph, const Extent& extent, Value value) {
  for (Value before{0}; before.index < value.index; ++before.index) {
    if (graph.constant(before)) continue;
    const auto& shape = graph.shape(before);
    const auto found = std::find(shape.begin(), shape.end(), extent);
    if (found != shape.end()) return {found - shape.begin(), before};
  }
  return {-1};
}

}  // namespace

bool operator==(const Extent& a, const Extent& b) {
  return a.number == b.number && a.clips == b.clips && a.frames == b.frames && a.more == b.more;
}

std::string name_of(const Extent& extent) {
  std::string name;
  const auto times = [&name](const std::string& factor) {
    name += name.empty() ? factor : "*" + factor;
  };
  if (extent.number != 1 || extent.is_number()) times(std::to_string(extent.number));
  if (extent.clips) times("clips");
  if (extent.frames) times("frames");
  return extent.more == 0 ? name : core::cat(name, "+", extent.more);
}

Extent each_clip(int64_t number) {
  Extent extent(number);
  extent.clips = true;
  return extent;
}

Extent each_frame(int64_t more) {
  Extent extent(1);
  extent.frames = true;
  extent.more = more;
  return extent;
}

torch::Tensor Constant::value() const {
  if (!scale.defined()) return tensor;
  std::vector<int64_t> shape(static_cast<size_t>(tensor.dim()), 1);
  shape[static_cast<size_t>(axis)] = -1;
  return tensor.to(torch::kFloat) * scale.view(shape);
}

Value Graph::new_value(Shape shape, torch::ScalarType type) {
  values_.push_back({type, std::move(shape)});
  return {static_cast<int64_t>(values_.size()) - 1};
}

Value Graph::new_constant(Constant constant) {
  const auto sizes = constant.tensor.sizes();
  const Value value = new_value({sizes.begin(), sizes.end()});
  values_.back().constant = static_cast<int64_t>(constants_.size());
  constants_.push_back(std::move(constant));
  return value;
}

Value Graph::op(Kind kind, const std::vector<Value>& inputs, Shape shape) {
  const Value result = new_value(std::move(shape));
  ops_.push_back({std::move(kind), inputs, {result}});
  return result;
}

const Constant* Graph::constant(Value value) const {
  const int64_t place = info(value).constant;
  return place < 0 ? nullptr : &constants_[static_cast<size_t>(place)];
}

Value Graph::input(const std::string& name, torch::ScalarType type, Shape shape) {
  const Value value = new_value(std::move(shape), type);
  inputs_.push_back({name, value});
  return value;
}

Value Graph::weight(const std::string& name, const torch::Tensor& tensor) {
  return new_constant({name, tensor.detach()});
}

Value Graph::scaled_weight(const std::string& name, const torch::Tensor& integers,
                           const torch::Tensor& scale, int64_t axis) {
  return new_constant({name, integers, scale, axis});
}

Value Graph::number(double value) {
  return new_constant({"number", torch::scalar_tensor(value, torch::kDouble)});
}

Value Graph::apply(Function function, const std::vector<Value>& inputs) {
  std::vector<Shape> shapes;
  for (const auto& input : inputs) shapes.push_back(shape(input));
  return op(function, inputs, shape_of(function, shapes));
}

Value Graph::linear(Value x, const std::string& name, const torch::Tensor& weight,
                    const torch::Tensor& bias) {
  return add(matrix_product(x, this->weight(name + ".weight", weight.t().contiguous())),
             this->weight(name + ".bias", bias));
}

Value Graph::convolve(Value x, Value weight, Value bias, const Convolution& convolution) {
  std::vector<Value> inputs{x, weight};
  if (!bias.empty()) inputs.push_back(bias);
  return op(convolution, inputs, shape_of(convolution, shape(x), shape(weight)));
}

std::vector<Value> Graph::recur(const std::vector<Value>& inputs, bool lstm) {
  const auto& x = shape(inputs.at(0));
  const Extent hidden = shape(inputs.at(2)).at(1);
  Op next{Recurrence{lstm}, inputs, {new_value({x.at(0), x.at(1), hidden})}};
  for (int states = 0; states < (lstm ? 2 : 1); ++states)
    next.outputs.push_back(new_value({1, shape(inputs[0]).at(1), hidden}));
  ops_.push_back(next);
  return ops_.back().outputs;
}

Value Graph::repeat_pixels(Value x) {
  auto result = shape(x);
  for (const size_t axis : {2, 3}) result.at(axis).number *= 2;
  return op(RepeatPixels{}, {x}, result);
}

Value Graph::sample(Value x, Value grid) {
  const auto& pictures = shape(x);
  const auto& places = shape(grid);
  TORCH_CHECK(pictures.at(0) == places.at(0),
              "pictures and places to sample them at: ", name_of(pictures[0]), " and ",
              name_of(places[0]));
  return op(Sample{}, {x, grid}, {pictures[0], pictures.at(1), places.at(1), places.at(2)});
}

Value Graph::repeat_frames(Value x) {
  const auto& clips = shape(x);
  return op(RepeatFrames{}, {x}, {clips.at(0), each_frame(), clips.at(2)});
}

Value Graph::round_to_uint8(Value x, double scale, int64_t zero_point) {
  return op(RoundToUint8{scale, zero_point}, {x}, shape(x));
}

Value Graph::concatenate(const std::vector<Value>& parts, int64_t axis) {
  if (parts.size() == 1) return parts.front();
  auto result = shape(parts.at(0));
  auto& sum = result.at(static_cast<size_t>(axis));
  for (size_t i = 1; i < parts.size(); ++i) {
    const auto& more = shape(parts[i]).at(static_cast<size_t>(axis));
    // Of rows and rows behind them, one may be for each frame.
    TORCH_CHECK(sum.is_number() || more.is_number(), "cannot join ", name_of(sum), " and ",
                name_of(more));
    if (sum.is_number()) {
      const int64_t before = sum.number;
      sum = more;
      (sum.is_number() ? sum.number : sum.more) += before;
    } else {
      sum.more += more.number;
    }
  }
  return op(Concatenate{axis}, parts, result);
}

std::vector<Value> Graph::split(Value x, const std::vector<int64_t>& sizes) {
  Op next{Split{sizes}, {x}, {}};
  for (const int64_t size : sizes) {
    auto part = shape(x);
    part.at(1) = size;
    next.outputs.push_back(new_value(part));
  }
  ops_.push_back(next);
  return ops_.back().outputs;
}

Value Graph::reshape(Value x, Shape shape) {
  auto result = complete(this->shape(x), std::move(shape));
  return op(Reshape{}, {x}, std::move(result));
}

Value Graph::transpose(Value x, const std::vector<int64_t>& axes) {
  Shape result;
  for (const int64_t axis : axes) result.push_back(shape(x).at(static_cast<size_t>(axis)));
  return op(Transpose{axes}, {x}, result);
}

Value Graph::batch_norm(const std::vector<Value>& inputs, double epsilon) {
  return op(BatchNorm{epsilon}, inputs, shape(inputs.at(0)));
}

Value Graph::call(std::shared_ptr<Block> block, const std::string& name,
                  const std::vector<Value>& inputs) {
  std::vector<Shape> shapes;
  for (const auto& input : inputs) shapes.push_back(shape(input));
  auto result = block->shape(shapes);
  return op(Call{std::move(block), name}, inputs, std::move(result));
}

std::vector<Value> Graph::copy(const Graph& other, const Op& op, const std::vector<Value>& inputs) {
  Op next{op.kind, inputs, {}};
  for (const auto& output : op.outputs)
    next.outputs.push_back(new_value(other.shape(output), other.type(output)));
  ops_.push_back(next);
  return next.outputs;
}

std::vector<Length> lengths_of(const Graph& graph, Value value) {
  std::vector<Length> lengths;
  int64_t unknown = 0;
  for (const auto& extent : graph.shape(value)) {
    lengths.push_back(extent.is_number() ? Length{extent.number} : find_axis(graph, extent, value));
    if (lengths.back().number < 0) ++unknown;
  }
  TORCH_CHECK(unknown <= 1, "a shape has ", unknown, " lengths that no value before it has");
  const auto known = std::find_if(lengths.begin(), lengths.end(),
                                  [](const Length& length) { return !length.like.empty(); });
  if (unknown == 0 && known != lengths.end()) *known = {-1};
  return lengths;
}

}  // namespace vidgen::graph
