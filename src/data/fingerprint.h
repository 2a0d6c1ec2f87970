#pragma once

#include <cstdint>
#include <filesystem>

namespace vidgen::data {

/// A number that tells a video from others by its content: the size of its file and the bytes in
/// it, all of a small file, and of a large one its beginning, its end and pieces between them. Of
/// numbered pictures those of each in their order. Neither names nor times count. Throws
/// vidgen::Error where reading fails.
uint64_t fingerprint_of(const std::filesystem::path& source);

}  // namespace vidgen::data
