#include "foreign.h"

#include <unistd.h>

#include <algorithm>
#include <string_view>

#include "vidgen/core/disk.h"
#include "vidgen/core/error.h"
#include "vidgen/core/files.h"

namespace vidgen::checkpoint {
namespace {

using core::cat;

constexpr size_t kLookedAt = 4096;
/// What an archive lists its files in stands at its end.
constexpr uint64_t kEndLookedAt = 65536;

constexpr const char* kExpected =
    "; expected a run's folder, or a checkpoint or weights file of vidgen (.safetensors)";

std::string read_part(const std::filesystem::path& path, uint64_t offset, size_t bytes) {
  std::string part(bytes, '\0');
  part.resize(core::InputFile(path).read(offset, part.data(), bytes));
  return part;
}

bool begins(std::string_view bytes, std::string_view mark, size_t at = 0) {
  return bytes.size() >= at + mark.size() && bytes.substr(at, mark.size()) == mark;
}

/// Protocol buffers: ir_version, a small number, is the first field, and a name or the graph is the
/// next.
bool is_onnx(std::string_view head, const std::filesystem::path& path) {
  if (!begins(head, "\x08") || head.size() < 4) return false;
  const auto version = static_cast<unsigned char>(head[1]),
             field = static_cast<unsigned char>(head[2]);
  const bool known =
      version > 0 && version < 64 && (field == 0x12 || field == 0x3a || field == 0x42);
  return known || core::lower_extension(path) == ".onnx";
}

bool is_video(std::string_view head) {
  const bool transport = begins(head, "G") && begins(head, "G", 188);
  return begins(head, "ftyp", 4) || begins(head, "moov", 4) || begins(head, "\x1a\x45\xdf\xa3") ||
         (begins(head, "RIFF") && begins(head, "AVI ", 8)) || begins(head, "GIF8") ||
         begins(head, std::string_view("\0\0\x01\xba", 4)) || begins(head, "FLV\x01") || transport;
}

bool is_picture(std::string_view head) {
  return begins(head, "\x89PNG") || begins(head, "\xff\xd8\xff") ||
         (begins(head, "RIFF") && begins(head, "WEBP", 8));
}

bool is_text(std::string_view head) {
  return std::all_of(head.begin(), head.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x20 || c == '\n' || c == '\r' || c == '\t';
  });
}

std::string archive(const std::filesystem::path& path) {
  const uint64_t size = std::filesystem::file_size(path);
  const auto end = read_part(path, size - std::min(size, kEndLookedAt), kEndLookedAt);
  if (end.find("vidgen.json") != std::string::npos) {
    return "is a TorchScript model that vidgen export wrote, for other programs; give what it was "
           "exported from";
  }
  if (end.find("/code/") != std::string::npos) return "is a TorchScript model";
  if (end.find("/data.pkl") != std::string::npos) return "is a file of PyTorch (torch.save)";
  return "is a zip archive";
}

/// "" where it may be safetensors, whose header stands behind its length in eight bytes.
std::string foreign_kind(const std::filesystem::path& path) {
  const auto head = read_part(path, 0, kLookedAt);
  const auto extension = core::lower_extension(path);
  if (head.empty()) return "is empty, not a safetensors file";
  if (begins(head, "{", 8) && extension != ".onnx") return "";
  if (begins(head, "PK\x03\x04")) return archive(path);
  if (is_onnx(head, path)) {
    return "is an ONNX model, which other runtimes play; give what it was exported from";
  }
  if (is_video(head)) return "is a video; to train on it, name it in data.sources or by --data";
  if (is_picture(head)) return "is a picture";
  if (begins(head, "\x80") && head.size() > 1 && head[1] >= 2 && head[1] <= 5)
    return "is a pickle of Python";
  if (begins(head, "GGUF")) return "is a GGUF file";
  if (begins(head, "\x89HDF")) return "is an HDF5 file";
  if (extension == ".yaml" || extension == ".yml")
    return "is a configuration; to train with it: vidgen train " + path.string();
  if (is_text(head)) return "is text, not a safetensors file";
  return "";
}

}  // namespace

void refuse_foreign(const std::filesystem::path& path) {
  std::error_code error;
  // Its reader says why it cannot be read.
  if (!std::filesystem::is_regular_file(path, error) || ::access(path.c_str(), R_OK) != 0) return;
  const auto kind = foreign_kind(path);
  if (!kind.empty()) throw Error(cat(path.string(), ": ", kind, kExpected));
}

std::string what_else(const Metadata& metadata) {
  if (metadata.count("fps") > 0) return ": it holds clips that vidgen sample wrote";
  const auto model = metadata.find("model");
  if (model != metadata.end() && (model->second == "clips" || model->second == "step"))
    return ": it holds inputs and outputs that vidgen export --reference wrote";
  return kExpected;
}

}  // namespace vidgen::checkpoint
