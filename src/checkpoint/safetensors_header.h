#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "vidgen/checkpoint/safetensors.h"

/// The headers of safetensors files, and the checksums in their metadata.
namespace vidgen::checkpoint {

inline constexpr uint64_t kPrefixBytes = 8;
/// The limit of the reference implementation.
inline constexpr uint64_t kMaxHeaderBytes = 100'000'000;
/// What LibTorch's loops over elements can do with.
inline constexpr size_t kMostDimensions = 64;
inline constexpr const char* kMetadataName = "__metadata__";

/// A name as it may stand in a message: in quotes, on one line, whatever its characters.
std::string quoted(const std::string& name);

/// Parses and checks the JSON of a header that is followed by `data_bytes` of data. `path` is for
/// messages; data_offset stays 0.
SafetensorsHeader parse_header(std::string_view json, uint64_t data_bytes,
                               const std::filesystem::path& path);

/// A tensor as the checksum of the header sees it. Its place in the file is not part of that: were
/// it wrong, the bytes there would have another checksum.
struct TensorOutline {
  std::string name;
  std::string dtype;
  std::vector<int64_t> shape;
};

/// The metadata with the checksums in it. `outlines` and `checksums` are in the order of the names.
Metadata with_checksums(Metadata metadata, const std::vector<TensorOutline>& outlines,
                        const std::vector<uint64_t>& checksums);

/// Takes the checksums out of the metadata, to where they belong. Throws vidgen::Error naming the
/// file when the header is not as it was written.
void take_checksums(SafetensorsHeader& header, const std::filesystem::path& path);

/// Throws the vidgen::Error for what ("tensor ...") is not as it was written.
[[noreturn]] void refuse_damaged(const std::filesystem::path& path, const std::string& what);

}  // namespace vidgen::checkpoint
