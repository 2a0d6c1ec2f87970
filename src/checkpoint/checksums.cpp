#include "checksums.h"

#include <algorithm>
#include <charconv>
#include <string_view>

#include "safetensors_header.h"
#include "vidgen/core/checksum.h"
#include "vidgen/core/error.h"

namespace vidgen::checkpoint {
namespace {

// Two keys, so that a file in which the name of one is damaged does not pass for one without.
constexpr const char* kOfTensorsKey = "vidgen.checksums";
constexpr const char* kOfHeaderKey = "vidgen.checksum";
constexpr size_t kDigits = 16;

void append_number(std::string& bytes, uint64_t number) {
  for (int shift = 0; shift < 64; shift += 8) bytes += static_cast<char>(number >> shift);
}

void append_text(std::string& bytes, const std::string& text) {
  append_number(bytes, text.size());
  bytes += text;
}

/// Texts with their lengths before them, and numbers, all of 8 bytes little-endian: the count of
/// the metadata, key and value of each in the order of the keys, then of each tensor its name,
/// type, count of dimensions and the dimensions.
uint64_t header_checksum(const Metadata& metadata, const std::vector<TensorOutline>& outlines) {
  std::string bytes;
  append_number(bytes, metadata.size());
  for (const auto& [key, value] : metadata) {
    append_text(bytes, key);
    append_text(bytes, value);
  }
  for (const auto& [name, dtype, shape] : outlines) {
    append_text(bytes, name);
    append_text(bytes, dtype);
    append_number(bytes, shape.size());
    for (const int64_t size : shape) append_number(bytes, static_cast<uint64_t>(size));
  }
  return core::checksum(bytes.data(), bytes.size());
}

/// False unless it is what core::checksum_text() gives.
bool parse_checksum(std::string_view text, uint64_t& checksum) {
  if (text.size() != kDigits) return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + kDigits, checksum, 16);
  return error == std::errc() && end == text.data() + kDigits &&
         core::checksum_text(checksum) == text;
}

/// The value of a key, which is taken out.
std::optional<std::string> take(Metadata& metadata, const char* key) {
  auto node = metadata.extract(key);
  return node.empty() ? std::nullopt : std::optional(std::move(node.mapped()));
}

}  // namespace

void refuse_damaged(const std::filesystem::path& path, const std::string& what) {
  throw Error(core::cat(path.string(), ": ", what,
                        " is damaged: it is not as it was written, or was changed by another "
                        "program"));
}

Metadata with_checksums(Metadata metadata, const std::vector<TensorOutline>& outlines,
                        const std::vector<uint64_t>& checksums) {
  std::string list;
  for (const uint64_t checksum : checksums)
    list += (list.empty() ? "" : " ") + core::checksum_text(checksum);
  metadata.erase(kOfHeaderKey);
  metadata[kOfTensorsKey] = list;
  metadata[kOfHeaderKey] = core::checksum_text(header_checksum(metadata, outlines));
  return metadata;
}

void take_checksums(SafetensorsHeader& header, const std::filesystem::path& path) {
  const auto of_header = take(header.metadata, kOfHeaderKey);
  header.has_checksums = header.metadata.count(kOfTensorsKey) > 0;
  if (!of_header && !header.has_checksums) return;

  std::vector<std::pair<std::string, TensorInfo>*> by_name;
  for (auto& tensor : header.tensors) by_name.push_back(&tensor);
  std::sort(by_name.begin(), by_name.end(), [](auto* a, auto* b) { return a->first < b->first; });
  std::vector<TensorOutline> outlines;
  for (const auto* tensor : by_name)
    outlines.push_back({tensor->first, tensor->second.dtype, tensor->second.shape});
  uint64_t expected = 0;
  const bool whole = of_header && parse_checksum(*of_header, expected) &&
                     header_checksum(header.metadata, outlines) == expected;
  if (!whole) refuse_damaged(path, "the header");

  const auto list = take(header.metadata, kOfTensorsKey).value_or("");
  const std::string_view view = list;
  const size_t step = kDigits + 1;
  bool complete = view.size() == (by_name.empty() ? 0 : by_name.size() * step - 1);
  for (size_t i = 0; complete && i < by_name.size(); ++i) {
    complete =
        parse_checksum(view.substr(i * step, kDigits), by_name[i]->second.checksum.emplace());
  }
  if (!complete) refuse_damaged(path, "the header");
}

}  // namespace vidgen::checkpoint
