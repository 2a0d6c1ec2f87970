#pragma once

#include <string>

#include "vidgen/core/json.h"
#include "vidgen/graph/graph.h"

namespace vidgen::exporting {

/// The content of a TorchScript archive: the weights as parameters, and a `forward` whose source is
/// put together line by line. `description` is its file vidgen.json.
std::string to_torchscript(const graph::Graph& graph, const core::Json& description);

}  // namespace vidgen::exporting
