#include "shapes.h"

#include <algorithm>

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

}  // namespace

void check_same(const Extent& a, const Extent& b, const char* what) {
  TORCH_CHECK(a == b, what, ": ", graph::name_of(a), " and ", graph::name_of(b));
}

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

}  // namespace vidgen::graph
