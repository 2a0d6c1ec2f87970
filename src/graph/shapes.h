#pragma once

#include <vector>

#include "vidgen/graph/graph.h"

/// The shapes of results. What does not fit throws c10::Error.
namespace vidgen::graph {

void check_same(const Extent& a, const Extent& b, const char* what);

Shape shape_of(Function function, const std::vector<Shape>& inputs);
Shape shape_of(const Convolution& convolution, const Shape& x, const Shape& weight);
/// `wanted` with what its -1 stands for.
Shape complete(const Shape& given, Shape wanted);

}  // namespace vidgen::graph
