#include "metadata.h"

#include <algorithm>

extern "C" {
#include <libavutil/crc.h>
}

#include "vidgen/core/error.h"
#include "vidgen/core/text.h"

namespace vidgen::video {
namespace {

constexpr size_t kMostKeyBytes = 79;  // of a PNG

bool is_ascii(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x80; });
}

bool is_key(const std::string& text) {
  return !text.empty() && text.size() <= kMostKeyBytes &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~'; });
}

/// A line for each key but the comment, which comes first.
std::string as_comment(Metadata metadata) {
  std::vector<std::string> lines;
  if (const auto own = metadata.extract("comment")) lines.push_back(own.mapped());
  for (const auto& [key, text] : metadata) lines.push_back(core::cat(key, ": ", text));
  return core::join(lines, "\n");
}

std::string big_endian(uint32_t value) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift);
  return bytes;
}

std::string png_chunk(const std::string& type, const std::string& data) {
  const std::string checked = type + data;
  const uint32_t crc = av_crc(av_crc_get_table(AV_CRC_32_IEEE_LE), UINT32_MAX,
                              reinterpret_cast<const uint8_t*>(checked.data()), checked.size());
  return big_endian(static_cast<uint32_t>(data.size())) + checked + big_endian(~crc);
}

}  // namespace

void check_metadata(const std::filesystem::path& path, const Metadata& metadata) {
  for (const auto& [key, text] : metadata) {
    if (is_key(key) && text.find('\0') == std::string::npos) continue;
    throw Error(core::cat(path.string(), ": metadata \"", core::printable(key),
                          "\": expected a key of 1 to ", kMostKeyBytes,
                          " printable ASCII characters, and text without zero bytes"));
  }
}

Metadata avi_metadata(Metadata metadata) {
  Metadata result;
  result.insert(metadata.extract("title"));
  result["comment"] = as_comment(std::move(metadata));
  return result;
}

std::string gif_end(const Metadata& metadata) {
  constexpr size_t kMostBytes = 255;  // of a part
  const std::string text = as_comment(metadata);
  if (text.empty()) return ";";
  std::string end = "\x21\xfe";
  for (size_t place = 0; place < text.size(); place += kMostBytes) {
    const std::string part = text.substr(place, kMostBytes);
    end += static_cast<char>(part.size());
    end += part;
  }
  return end + '\0' + ";";
}

std::string png_chunks(const Metadata& metadata) {
  // Behind the key: not compressed, no language, no translated key.
  const std::string as_utf8(5, '\0'), plain(1, '\0');
  std::string chunks;
  for (const auto& [key, text] : metadata) {
    // More readers know tEXt, which is Latin-1.
    chunks += is_ascii(text) ? png_chunk("tEXt", key + plain + text)
                             : png_chunk("iTXt", key + as_utf8 + text);
  }
  return chunks;
}

}  // namespace vidgen::video
