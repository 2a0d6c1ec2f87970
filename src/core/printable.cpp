#include <cstdint>
#include <cstdio>

#include "vidgen/core/error.h"
#include "vidgen/core/text.h"

namespace vidgen::core {
namespace {

struct Character {
  uint32_t code = 0;
  /// 0 where the text is not UTF-8.
  size_t bytes = 0;
};

Character character_at(std::string_view text, size_t at) {
  const auto first = static_cast<unsigned char>(text[at]);
  if (first < 0x80) return {first, 1};
  const size_t bytes = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  constexpr uint32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  if (first < 0xc2 || first > 0xf4 || at + bytes > text.size()) return {};
  uint32_t code = first & (0xffu >> (bytes + 1));
  for (size_t i = 1; i < bytes; ++i) {
    const auto next = static_cast<unsigned char>(text[at + i]);
    if ((next & 0xc0) != 0x80) return {};
    code = code << 6 | (next & 0x3f);
  }
  const bool surrogate = code >= 0xd800 && code <= 0xdfff;
  if (code < kSmallest[bytes] || code > 0x10ffff || surrogate) return {};
  return {code, bytes};
}

/// Beyond ASCII: the other control characters, and what reorders, breaks or hides text. Those that
/// join letters and emoji are part of how names are written.
bool is_harmful(uint32_t code) {
  const auto within = [code](uint32_t first, uint32_t last) {
    return code >= first && code <= last;
  };
  return within(0x7f, 0x9f) || code == 0xad || code == 0x61c || code == 0x200b ||
         within(0x200e, 0x200f) || within(0x2028, 0x202e) || within(0x2060, 0x206f) ||
         code == 0xfeff || within(0xfff9, 0xfffb);
}

std::string escape(const char* form, uint32_t code) {
  char text[16];
  std::snprintf(text, sizeof text, form, static_cast<unsigned>(code));
  return text;
}

std::string control_escape(uint32_t code) {
  switch (code) {
    case '\n':
      return "\\n";
    case '\r':
      return "\\r";
    case '\t':
      return "\\t";
    default:
      return escape("\\x%02x", code);
  }
}

std::string escaped(std::string_view text, bool keep_lines) {
  std::string shown;
  shown.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    const auto [code, bytes] = character_at(text, i);
    if (bytes == 0) {
      shown += escape("\\x%02x", static_cast<unsigned char>(text[i++]));
      continue;
    }
    const bool layout = keep_lines && (code == '\n' || code == '\t');
    if (code < 0x20 && !layout) {
      shown += control_escape(code);
    } else if (is_harmful(code)) {
      // The form is JSON's, so that JSON stays such.
      shown += escape("\\u%04x", code);
    } else {
      shown += text.substr(i, bytes);
    }
    i += bytes;
  }
  return shown;
}

}  // namespace

std::string printable(std::string_view text) { return escaped(text, /*keep_lines=*/false); }

std::string printable_lines(std::string_view text) { return escaped(text, /*keep_lines=*/true); }

std::string shortened(std::string_view text, size_t bytes) {
  if (text.size() <= bytes) return std::string(text);
  const std::string mark = cat(" [", text.size(), " bytes] ");
  const size_t half = bytes > mark.size() ? (bytes - mark.size()) / 2 : 0;
  size_t tail = text.size() - half;
  // No part of a UTF-8 character at the beginning of the rest.
  for (size_t i = 0; i < 3 && tail < text.size() && (text[tail] & 0xc0) == 0x80; ++i) ++tail;
  return cat(cut_utf8(text, half), mark, text.substr(tail));
}

std::string one_line(std::string_view message) {
  constexpr size_t kMostBytes = 4000;
  // Escapes take more room.
  return shortened(printable(shortened(message, kMostBytes)), kMostBytes);
}

}  // namespace vidgen::core
