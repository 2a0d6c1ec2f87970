#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "vidgen/checkpoint/safetensors.h"

/// The checksums in the metadata of safetensors files.
namespace vidgen::checkpoint {

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
