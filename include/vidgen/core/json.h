#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string_view>

namespace vidgen::core {

/// The tree that configurations, checkpoint metadata and logs are made of; objects keep their
/// order.
using Json = nlohmann::ordered_json;

/// What parse_json() takes at most. Trees are copied, compared and written by recursion, so that
/// the depth bounds the stack, and the others time and memory.
struct JsonLimits {
  size_t bytes = size_t{16} << 20;
  /// Objects and lists inside each other.
  size_t depth = 64;
  /// Everything that is not a key.
  size_t values = 1'000'000;
};

/// Parses JSON of any origin; nothing else in vidgen does. Throws vidgen::Error that says what is
/// wrong with the text ("is nested deeper than 64", "is not JSON (at byte 7)"), to be put behind
/// its name: what is no JSON (NaN and numbers beyond double are none), a key twice in an object,
/// and what is beyond the limits, before more of it is built.
Json parse_json(std::string_view text, const JsonLimits& limits = {});

/// The value of a key, or `otherwise` where the tree is no object, has no such key or one of
/// another type: of files that need not be what they seem.
template <class T>
T value_or(const Json& tree, const char* key, T otherwise) {
  try {
    return tree.at(key).template get<T>();
  } catch (const Json::exception&) {
    return otherwise;
  }
}

}  // namespace vidgen::core
