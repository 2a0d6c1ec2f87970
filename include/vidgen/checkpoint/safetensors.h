#pragma once

#include <torch/types.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

/// The safetensors file format (https://github.com/huggingface/safetensors), which opens in Python
/// without vidgen and cannot execute code: 8 bytes little-endian header length, a JSON header, then
/// the tensors' bytes without gaps.
namespace vidgen::core {
class AtomicFile;
}

namespace vidgen::checkpoint {

using Metadata = std::map<std::string, std::string>;
using Tensors = std::map<std::string, torch::Tensor>;

/// Where one tensor lies in a file.
struct TensorInfo {
  /// The format's name of the element type: "F32", "BF16", "I64", "BOOL", ...
  std::string dtype;
  /// Empty for a scalar; every dimension >= 0.
  std::vector<int64_t> shape;
  /// The tensor's bytes are [begin, end), counted from SafetensorsHeader::data_offset.
  uint64_t begin = 0;
  uint64_t end = 0;
};

struct SafetensorsHeader {
  Metadata metadata;
  /// In the order of the header, which need not be the order of the data.
  std::vector<std::pair<std::string, TensorInfo>> tensors;
  /// Bytes from the start of the file to the data.
  uint64_t data_offset = 0;
};

struct SafetensorsFile {
  Metadata metadata;
  Tensors tensors;
};

/// Reads names, shapes and metadata without the data. Throws vidgen::Error naming the file, and the
/// tensor where one is at fault, unless the file is well formed to the last byte: nothing is
/// allocated on the word of a damaged header.
SafetensorsHeader read_safetensors_header(const std::filesystem::path& path);

/// Reads a whole file as contiguous CPU tensors that own their memory. Throws as
/// read_safetensors_header() does, and for an element type other than BOOL, U8, I8, I16, I32, I64,
/// F16, BF16, F32, F64.
SafetensorsFile read_safetensors(const std::filesystem::path& path);

/// Writes tensors of any device and strides, replacing `path` at once and whole (core::AtomicFile).
/// Holds a CPU copy of one tensor at a time, of those that need one. Throws vidgen::Error naming
/// the file, and the tensor that has an element type which cannot be stored, is undefined or
/// sparse; names and metadata must be UTF-8.
void write_safetensors(const std::filesystem::path& path, const Tensors& tensors,
                       const Metadata& metadata);

/// Writes the file of one tensor that is never whole in memory; the same bytes as
/// write_safetensors(), which see.
class TensorWriter {
 public:
  TensorWriter(const std::filesystem::path& path, const std::string& name,
               const std::vector<int64_t>& shape, torch::ScalarType type, const Metadata& metadata);
  ~TensorWriter();

  /// The elements that follow, in the order of the tensor, of its type.
  void write(const torch::Tensor& part);
  /// Behind the last one. Without it nothing is left.
  void commit();

 private:
  std::unique_ptr<core::AtomicFile> file_;
  torch::ScalarType type_;
  int64_t left_;
};

}  // namespace vidgen::checkpoint
