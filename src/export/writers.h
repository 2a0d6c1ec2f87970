#pragma once

#include <string>

#include "vidgen/core/json.h"
#include "vidgen/graph/graph.h"

namespace vidgen::exporting {

/// The content of an ONNX file (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto) of IR
/// version 8 and operator set 17, with `description` in its metadata. Written field by field:
/// LibTorch brings a protobuf library of its own, beside which no second one can live in a program.
/// Throws vidgen::Error when it would be larger than such a file can be.
std::string to_onnx(const graph::Graph& graph, const core::Json& description);

/// The content of a TorchScript archive: the weights as parameters, and a `forward` whose source is
/// put together line by line. `description` is its file vidgen.json.
std::string to_torchscript(const graph::Graph& graph, const core::Json& description);

}  // namespace vidgen::exporting
