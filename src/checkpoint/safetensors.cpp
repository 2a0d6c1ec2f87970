#include "vidgen/checkpoint/safetensors.h"

#include <torch/types.h>

#include <algorithm>
#include <string_view>

#include "finite.h"
#include "safetensors_header.h"
#include "vidgen/core/checksum.h"
#include "vidgen/core/disk.h"
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

std::optional<torch::ScalarType> scalar_type(const std::string& dtype) {
  for (const auto& [name, type] : kTypes) {
    if (dtype == name) return type;
  }
  return {};
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

/// A multiple of the size of every element type.
constexpr size_t kReadBytes = 32 * 1024;

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

/// Reads all of it, or throws.
void read_bytes(const core::InputFile& file, uint64_t offset, void* out, size_t bytes,
                const std::filesystem::path& path) {
  if (file.read(offset, out, bytes) < bytes)
    throw Error(cat(path.string(), ": was cut short while it was read"));
}

SafetensorsHeader read_header(const core::InputFile& file, const std::filesystem::path& path) {
  if (file.size() < kPrefixBytes) {
    throw Error(cat(path.string(), ": not a safetensors file: ", file.size(), " bytes long"));
  }
  uint8_t prefix[kPrefixBytes];
  read_bytes(file, 0, prefix, kPrefixBytes, path);
  const uint64_t length = decode_length(prefix);
  const uint64_t available = std::min(file.size() - kPrefixBytes, kMaxHeaderBytes);
  if (length > available) {
    throw Error(cat(path.string(), ": not a safetensors file, or cut short: it gives its header ",
                    length, " bytes, expected at most ", available));
  }
  std::string json(length, '\0');
  read_bytes(file, kPrefixBytes, json.data(), length, path);
  auto header = parse_header(json, file.size() - kPrefixBytes - length, path);
  header.data_offset = kPrefixBytes + length;
  take_checksums(header, path);
  return header;
}

[[noreturn]] void refuse_numbers(const torch::Tensor& tensor, const std::filesystem::path& path,
                                 const std::string& name) {
  const auto place = tensor.flatten().isfinite().logical_not().nonzero()[0].item<int64_t>();
  throw Error(cat(subject_of(path, name), ": number ", place, " of ", tensor.numel(), " is ",
                  tensor.flatten()[place].item<double>(),
                  ", expected finite ones: the training diverged, or the file is damaged"));
}

/// Reads and checks a tensor in parts that stay in the cache of the processor between one and the
/// other.
torch::Tensor read_tensor(const core::InputFile& file, const std::filesystem::path& path,
                          uint64_t data_offset, const std::string& name, const TensorInfo& info,
                          Numbers numbers) {
  const auto type = scalar_type(info.dtype);
  if (!type) {
    throw Error(
        cat(subject_of(path, name), ": the element type ", info.dtype, " is not supported"));
  }
  if (info.shape.size() > kMostDimensions) {
    throw Error(cat(subject_of(path, name), ": has ", info.shape.size(),
                    " dimensions, expected at most ", kMostDimensions));
  }
  auto tensor = torch::empty(info.shape, *type);
  auto* out = static_cast<char*>(tensor.data_ptr());
  const size_t total = info.end - info.begin, element = tensor.element_size();
  core::Checksum sum;
  bool finite = true;
  for (size_t done = 0; done < total; done += kReadBytes) {
    const size_t bytes = std::min(kReadBytes, total - done);
    read_bytes(file, data_offset + info.begin + done, out + done, bytes, path);
    if (info.checksum) sum.update(out + done, bytes);
    if (numbers == Numbers::kFinite)
      finite &= all_finite(out + done, static_cast<int64_t>(bytes / element), *type);
  }
  if (info.checksum && sum.value() != *info.checksum)
    refuse_damaged(path, "tensor " + quoted(name));
  if (!finite) refuse_numbers(tensor, path, name);
  return tensor;
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

/// Takes a tensor that is never whole in memory.
class TensorSink : public video::VideoSink {
 public:
  TensorSink(const std::filesystem::path& path, const video::SinkOptions& options)
      : path_(path),
        // Without memory, for its sizes.
        clips_(torch::empty({options.clips, options.frames, options.height, options.width, 3},
                            torch::TensorOptions(torch::kMeta).dtype(torch::kU8))),
        metadata_(options.metadata),
        file_(path) {
    metadata_["fps"] = cat(options.fps);
    file_.write(header(0));
  }

  void write(const uint8_t* rgb) override {
    const auto bytes = static_cast<size_t>(clips_.stride(1));  // of a frame
    written_ += bytes;
    TORCH_CHECK(written_ <= clips_.nbytes(), "found more frames than ", clips_.sizes());
    checksum_.update(rgb, bytes);
    file_.write(rgb, bytes);
  }

  void finish() override {
    TORCH_CHECK(written_ == clips_.nbytes(), "found fewer frames than ", clips_.sizes());
    const auto right = header(checksum_.value());
    file_.write_at(0, right.data(), right.size());
    file_.commit();
  }

 private:
  std::string header(uint64_t checksum) const {
    auto json = Json::object();
    json[kMetadataName] =
        with_checksums(metadata_, {{kName, "U8", clips_.sizes().vec()}}, {checksum});
    return encode_header({{kName, clips_}}, std::move(json), path_);
  }

  static constexpr const char* kName = "clips";

  const std::filesystem::path path_;
  const torch::Tensor clips_;
  Metadata metadata_;
  core::AtomicFile file_;
  core::Checksum checksum_;
  size_t written_ = 0;
};

}  // namespace

SafetensorsHeader read_safetensors_header(const std::filesystem::path& path) {
  return read_header(core::InputFile(path), path);
}

SafetensorsFile read_safetensors(const std::filesystem::path& path, Numbers numbers) {
  const core::InputFile file(path);
  auto header = read_header(file, path);
  SafetensorsFile result{std::move(header.metadata), {}, header.has_checksums};
  for (const auto& [name, info] : header.tensors) {
    result.tensors.emplace(name, read_tensor(file, path, header.data_offset, name, info, numbers));
  }
  return result;
}

void write_safetensors(const std::filesystem::path& path, const Tensors& tensors,
                       const Metadata& metadata) {
  std::vector<TensorOutline> outlines;
  std::map<std::string, uint64_t> checksums;
  for (const auto& [name, tensor] : tensors) {
    const auto subject = subject_of(path, name);
    if (name == kMetadataName) throw Error(cat(subject, ": the name is reserved"));
    outlines.push_back({name, dtype_name(tensor, subject), tensor.sizes().vec()});
    checksums[name] = 0;
  }
  const auto order = data_order(tensors);
  const auto header = [&] {
    std::vector<uint64_t> list;
    for (const auto& item : checksums) list.push_back(item.second);
    auto json = Json::object();
    json[kMetadataName] = with_checksums(metadata, outlines, list);
    return encode_header(order, std::move(json), path);
  };

  core::AtomicFile file(path);
  // As long as the right one, which takes its place.
  file.write(header());
  for (const auto& [name, tensor] : order) {
    const auto stored = tensor.detach().to(torch::kCPU).contiguous();
    checksums[name] = core::checksum(stored.data_ptr(), stored.nbytes());
    file.write(stored.data_ptr(), stored.nbytes());
  }
  const auto right = header();
  file.write_at(0, right.data(), right.size());
  file.commit();
}

std::unique_ptr<video::VideoSink> open_tensor(const std::filesystem::path& path,
                                              const video::SinkOptions& options) {
  return std::make_unique<TensorSink>(path, options);
}

}  // namespace vidgen::checkpoint
