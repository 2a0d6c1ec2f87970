#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

/// What a configuration may hold, far beyond what one needs, so that a file of any origin is read
/// or refused at once.
namespace vidgen::config {

inline constexpr uint64_t kMaxBytes = 1 << 20;
inline constexpr size_t kMaxNodes = 10000;
inline constexpr size_t kMaxDepth = 64;
/// Of all texts and the dotted paths of all keys together, with aliases expanded.
inline constexpr size_t kMaxTreeBytes = 16 << 20;

/// Reads the text without building anything. Throws vidgen::Error naming file, line and column
/// where it holds too many values, aliases not expanded, or a second document, or is nested too
/// deep; YAML::Exception where it is not YAML.
void check_yaml_size(const std::string& text, const std::string& name);

}  // namespace vidgen::config
