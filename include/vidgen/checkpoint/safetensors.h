#pragma once

#include <torch/types.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "vidgen/core/error.h"
#include "vidgen/video/sink.h"

/// The safetensors file format (https://github.com/huggingface/safetensors), which opens in Python
/// without vidgen and cannot execute code: 8 bytes little-endian header length, a JSON header, then
/// the tensors' bytes without gaps.
///
/// What write_safetensors() writes has checksums in its metadata, XXH3 of 64 bits in hexadecimal
/// digits: "vidgen.checksums", those of the tensors' bytes in the order of their names, with spaces
/// between them, and "vidgen.checksum", that of all else in the header: the names and values of the
/// metadata, and the name, type and shape of each tensor (src/checkpoint/safetensors_header.h).
/// Reading compares them, and takes them out of the metadata. Files without are read as they are.
namespace vidgen::checkpoint {

using Metadata = std::map<std::string, std::string>;
using Tensors = std::map<std::string, torch::Tensor>;

/// A file does not hold what was written to it: it is cut short, overwritten, lacks a tensor, or
/// the disk does not give it back. Where there is an older file that is whole, that may do instead;
/// every other vidgen::Error about a file is for the user to settle.
class Damaged : public Error {
 public:
  /// `message`: the whole of it, with the file's name.
  Damaged(std::filesystem::path path, const std::string& message)
      : Error(message), path_(std::move(path)) {}
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// Where one tensor lies in a file.
struct TensorInfo {
  /// The format's name of the element type: "F32", "BF16", "I64", "BOOL", ...
  std::string dtype;
  /// Empty for a scalar; every dimension >= 0.
  std::vector<int64_t> shape;
  /// The tensor's bytes are [begin, end), counted from SafetensorsHeader::data_offset.
  uint64_t begin = 0;
  uint64_t end = 0;
  /// What the file says they were when it was written; none in files without checksums.
  std::optional<uint64_t> checksum{};
};

struct SafetensorsHeader {
  Metadata metadata;
  /// In the order of the header, which need not be the order of the data.
  std::vector<std::pair<std::string, TensorInfo>> tensors;
  /// Bytes from the start of the file to the data.
  uint64_t data_offset = 0;
  bool has_checksums = false;
};

struct SafetensorsFile {
  Metadata metadata;
  Tensors tensors;
  bool has_checksums = false;
};

/// What a tensor of floating point may hold.
enum class Numbers {
  kAny,
  /// Neither infinities nor NaN.
  kFinite
};

/// Reads names, shapes and metadata without the data. Throws vidgen::Error naming the file, and the
/// tensor where one is at fault, unless the file is well formed to the last byte and its header is
/// as it was written: nothing is allocated on the word of a damaged header.
SafetensorsHeader read_safetensors_header(const std::filesystem::path& path);

/// Reads a whole file as contiguous CPU tensors that own their memory. Throws as
/// read_safetensors_header() does, and for a tensor that is not as it was written, has more than 64
/// dimensions, other numbers than it may have, or an element type other than BOOL, U8, I8, I16,
/// I32, I64, F16, BF16, F32, F64.
SafetensorsFile read_safetensors(const std::filesystem::path& path,
                                 Numbers numbers = Numbers::kAny);

/// Writes tensors of any device and strides, replacing `path` at once and whole (core::AtomicFile).
/// Holds a CPU copy of one tensor at a time, of those that need one. Throws vidgen::Error naming
/// the file, and the tensor that has an element type which cannot be stored, is undefined or
/// sparse; names and metadata must be UTF-8. The same content gives the same bytes.
void write_safetensors(const std::filesystem::path& path, const Tensors& tensors,
                       const Metadata& metadata);

/// A file of clips that are never whole in memory: the tensor `clips`, uint8 RGB
/// [clips,frames,height,width,3], and the metadata, with "fps" added; the same bytes as
/// write_safetensors(), which see.
std::unique_ptr<video::VideoSink> open_tensor(const std::filesystem::path& path,
                                              const video::SinkOptions& options);

}  // namespace vidgen::checkpoint
