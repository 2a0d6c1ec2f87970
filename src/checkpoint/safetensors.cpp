#include "vidgen/checkpoint/safetensors.h"

#include <torch/types.h>

#include <algorithm>
#include <cstring>
#include <string_view>

#include "safetensors_header.h"
#include "vidgen/core/error.h"
#include "vidgen/core/files.h"
#include "vidgen/core/json.h"

namespace vidgen::checkpoint {
namespace {

using core::cat;
using core::Json;

const std::pair<const char*, torch::ScalarType> kTypes[] = {
    {"BOOL", torch::kBool}, {"U8", torch::kByte},       {"I8", torch::kChar},
    {"I16", torch::kShort}, {"I32", torch::kInt},       {"I64", torch::kLong},
    {"F16", torch::kHalf},  {"BF16", torch::kBFloat16}, {"F32", torch::kFloat},
    {"F64", torch::kDouble}};

torch::ScalarType scalar_type(const std::string& dtype, const std::string& subject) {
  for (const auto& [name, type] : kTypes) {
    if (dtype == name) return type;
  }
  throw Error(cat(subject, ": the element type ", dtype, " is not supported"));
}

std::string dtype_name(const torch::Tensor& tensor, const std::string& subject) {
  if (!tensor.defined()) throw Error(cat(subject, " is undefined and cannot be stored"));
  if (tensor.layout() != torch::kStrided) {
    throw Error(cat(subject, " is sparse and cannot be stored, expected a dense tensor"));
  }
  for (const auto& [name, type] : kTypes) {
    if (tensor.scalar_type() == type) return name;
  }
  throw Error(cat(subject, ": the element type ", tensor.scalar_type(), " cannot be stored"));
}

std::string subject_of(const std::filesystem::path& path, const std::string& name) {
  return cat(path.string(), ": tensor ", quoted(name));
}

/// Integers of the format are little-endian, whatever the machine.
uint64_t decode_length(const uint8_t* bytes) {
  uint64_t length = 0;
  for (uint64_t i = 0; i < kPrefixBytes; ++i) length |= static_cast<uint64_t>(bytes[i]) << (8 * i);
  return length;
}

std::string encode_length(uint64_t length) {
  std::string bytes;
  for (uint64_t i = 0; i < kPrefixBytes; ++i) bytes += static_cast<char>(length >> (8 * i));
  return bytes;
}

SafetensorsHeader read_header(const core::MappedFile& file, const std::filesystem::path& path) {
  if (file.size() < kPrefixBytes) {
    throw Error(cat(path.string(), ": not a safetensors file: ", file.size(), " bytes long"));
  }
  const uint64_t length = decode_length(file.data());
  const uint64_t available = std::min(file.size() - kPrefixBytes, kMaxHeaderBytes);
  if (length > available) {
    throw Error(cat(path.string(), ": not a safetensors file, or cut short: it gives its header ",
                    length, " bytes, expected at most ", available));
  }
  const std::string_view json(reinterpret_cast<const char*>(file.data()) + kPrefixBytes, length);
  auto header = parse_header(json, file.size() - kPrefixBytes - length, path);
  header.data_offset = kPrefixBytes + length;
  return header;
}

using Named = std::pair<std::string, torch::Tensor>;

/// The order of the data: larger elements first, so that each tensor is aligned for readers that
/// map the file.
std::vector<Named> data_order(const Tensors& tensors) {
  std::vector<Named> order(tensors.begin(), tensors.end());
  std::stable_sort(order.begin(), order.end(), [](const Named& a, const Named& b) {
    return a.second.element_size() > b.second.element_size();
  });
  return order;
}

/// The length and the JSON, padded so that the data begins on a multiple of 8 bytes.
std::string encode_header(const std::vector<Named>& order, Json header,
                          const std::filesystem::path& path) {
  uint64_t position = 0;
  for (const auto& [name, tensor] : order) {
    const uint64_t end = position + tensor.nbytes();
    header[name] = {{"dtype", dtype_name(tensor, subject_of(path, name))},
                    {"shape", tensor.sizes().vec()},
                    {"data_offsets", {position, end}}};
    position = end;
  }
  std::string json;
  try {
    json = header.dump();
  } catch (const Json::exception& error) {
    throw Error(cat(path.string(), ": names and metadata must be UTF-8: ", error.what()));
  }
  json.resize((json.size() + 7) / 8 * 8, ' ');
  if (json.size() > kMaxHeaderBytes) {
    throw Error(cat(path.string(), ": names and metadata take ", json.size(),
                    " bytes, expected at most ", kMaxHeaderBytes));
  }
  return encode_length(json.size()) + json;
}

}  // namespace

SafetensorsHeader read_safetensors_header(const std::filesystem::path& path) {
  return read_header(core::MappedFile(path), path);
}

SafetensorsFile read_safetensors(const std::filesystem::path& path) {
  const core::MappedFile file(path);
  auto header = read_header(file, path);
  SafetensorsFile result{std::move(header.metadata), {}};
  for (const auto& [name, info] : header.tensors) {
    auto tensor = torch::empty(info.shape, scalar_type(info.dtype, subject_of(path, name)));
    // Copied, because data in a file can be unaligned.
    const auto* data = file.data() + header.data_offset + info.begin;
    if (tensor.numel() > 0) std::memcpy(tensor.data_ptr(), data, tensor.nbytes());
    result.tensors.emplace(name, std::move(tensor));
  }
  return result;
}

void write_safetensors(const std::filesystem::path& path, const Tensors& tensors,
                       const Metadata& metadata) {
  for (const auto& [name, tensor] : tensors) {
    const auto subject = subject_of(path, name);
    if (name == kMetadataName) throw Error(cat(subject, ": the name is reserved"));
    dtype_name(tensor, subject);
  }
  const auto order = data_order(tensors);
  auto header = Json::object();
  if (!metadata.empty()) header[kMetadataName] = metadata;

  core::AtomicFile file(path);
  file.write(encode_header(order, std::move(header), path));
  for (const auto& [name, tensor] : order) {
    const auto stored = tensor.detach().to(torch::kCPU).contiguous();
    file.write(stored.data_ptr(), stored.nbytes());
  }
  file.commit();
}

TensorWriter::TensorWriter(const std::filesystem::path& path, const std::string& name,
                           const std::vector<int64_t>& shape, torch::ScalarType type,
                           const Metadata& metadata)
    : file_(std::make_unique<core::AtomicFile>(path)), type_(type) {
  // A tensor without memory, for its sizes.
  const auto whole = torch::empty(shape, torch::TensorOptions(torch::kMeta).dtype(type));
  left_ = whole.numel();
  auto header = Json::object();
  if (!metadata.empty()) header[kMetadataName] = metadata;
  file_->write(encode_header({{name, whole}}, std::move(header), path));
}

TensorWriter::~TensorWriter() = default;

void TensorWriter::write(const torch::Tensor& part) {
  left_ -= part.numel();
  TORCH_CHECK(part.scalar_type() == type_ && left_ >= 0, "expected elements of the tensor");
  const auto stored = part.detach().to(torch::kCPU).contiguous();
  file_->write(stored.data_ptr(), stored.nbytes());
}

void TensorWriter::commit() {
  TORCH_CHECK(left_ == 0, "there are ", left_, " elements missing");
  file_->commit();
}

}  // namespace vidgen::checkpoint
