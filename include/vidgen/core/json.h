#pragma once

#include <nlohmann/json.hpp>

namespace vidgen::core {

/// The tree that configurations, checkpoint metadata and logs are made of; objects keep their
/// order.
using Json = nlohmann::ordered_json;

}  // namespace vidgen::core
