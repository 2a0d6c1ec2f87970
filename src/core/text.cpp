#include "vidgen/core/text.h"

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <cstdio>
#include <numeric>

#include "vidgen/core/error.h"

namespace vidgen::core {
namespace {

size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row.back();
}

// UTF-8 continuation bytes take no column of their own.
size_t display_width(const std::string& text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

bool looks_numeric(const std::string& text) {
  return !text.empty() &&
         (std::isdigit(static_cast<unsigned char>(text[0])) || text[0] == '-' || text[0] == '.');
}

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

std::string nearest(std::string_view word, const std::vector<std::string>& candidates) {
  std::string best;
  size_t best_distance = std::max<size_t>(2, word.size() / 2) + 1;
  for (const auto& candidate : candidates) {
    // No word of a megabyte is looked at letter by letter.
    if (word.size() > candidate.size() + best_distance) continue;
    const size_t distance = edit_distance(word, candidate);
    if (distance < best_distance) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

bool matches_glob(std::string_view name, std::string_view pattern) {
  size_t n = 0, p = 0, star = std::string_view::npos, star_n = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_n = n;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == name[n])) {
      ++p;
      ++n;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      n = ++star_n;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> parts;
  std::string part;
  // Up to where spaces at the end of the part were quoted, and so belong to it.
  size_t fixed = 0;
  bool quoted = false;
  const auto end_part = [&] {
    while (part.size() > fixed && part.back() == ' ') part.pop_back();
    if (!part.empty()) parts.push_back(part);
    part.clear();
    fixed = 0;
  };
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\\' && i + 1 < text.size()) {
      part += text[++i];
      fixed = part.size();
    } else if (c == '"' && (quoted || text.find('"', i + 1) != std::string_view::npos)) {
      quoted = !quoted;
      fixed = part.size();
    } else if (c == ',' && !quoted) {
      end_part();
    } else if (c != ' ' || quoted || !part.empty()) {
      part += c;
    }
  }
  end_part();
  return parts;
}

std::string join_list(const std::vector<std::string>& parts) {
  std::vector<std::string> shown;
  for (const auto& part : parts) {
    const bool plain = part.find_first_of("\"\\") == std::string::npos;
    if (plain && split_list(part) == std::vector{part}) {
      shown.push_back(part);
      continue;
    }
    std::string quoted = "\"";
    for (const char c : part) {
      if (c == '"' || c == '\\') quoted += '\\';
      quoted += c;
    }
    shown.push_back(quoted + "\"");
  }
  return join(shown);
}

std::string join(const std::vector<std::string>& parts, std::string_view separator) {
  std::string result;
  for (const auto& part : parts) {
    if (!result.empty()) result += separator;
    result += part;
  }
  return result;
}

std::string cut_utf8(std::string_view text, size_t bytes) {
  if (text.size() <= bytes) return std::string(text);
  // Continuation bytes begin with 10.
  size_t end = bytes;
  while (end > 0 && (text[end] & 0xc0) == 0x80) --end;
  // What is no UTF-8 is cut where it is asked for.
  return std::string(text.substr(0, bytes - end < 4 ? end : bytes));
}

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

std::string format_table(const std::vector<std::vector<std::string>>& cells) {
  auto rows = cells;
  for (auto& row : rows) {
    for (auto& cell : row) cell = printable(cell);
  }
  std::vector<size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], display_width(row[i]));
  }
  // A column is numeric, and its heading too, when its first cell below the heading is.
  std::vector<bool> numeric(widths.size());
  for (size_t i = 0; i < widths.size(); ++i) {
    numeric[i] = rows.size() > 1 && i < rows[1].size() && looks_numeric(rows[1][i]);
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      const std::string padding(widths[i] - display_width(row[i]), ' ');
      line += (i ? "  " : "") + (numeric[i] ? padding + row[i] : row[i] + padding);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

std::string format_number(double value, int decimals) {
  char text[64];
  std::snprintf(text, sizeof(text), "%.*f", decimals, value);
  return text;
}

}  // namespace vidgen::core
