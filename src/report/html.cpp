#include "vidgen/report/html.h"

#include <algorithm>
#include <cctype>
#include <map>

#include "vidgen/core/error.h"
#include "vidgen/core/files.h"
#include "vidgen/core/text.h"
#include "vidgen/video/writer.h"

namespace vidgen::report {
namespace {

using core::cat;

constexpr const char* kStyle = R"(
:root { --ink: #1c2024; --soft: #667078; --line: #d8dde1; }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: #fff;
  max-width: 1100px; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .25rem .8rem .25rem 0; border-bottom: 1px solid var(--line); }
.n { text-align: right; }
.row { display: flex; flex-wrap: wrap; gap: 1.5rem; align-items: flex-start; }
figure { margin: 1rem 0; max-width: 100%; } figcaption { color: var(--soft); }
img { max-width: 100%; image-rendering: pixelated; }
video { display: block; max-width: 100%; image-rendering: pixelated; }
pre { background: #f5f7f8; padding: .7rem 1rem; overflow-x: auto; font-size: 13px; line-height: 1.45; }
summary { cursor: pointer; }
svg { max-width: 100%; height: auto; }
svg text { font: 12px system-ui, sans-serif; fill: var(--soft); }
.s0 { color: #c2571a; } .s1 { color: #2a6f97; } .s2 { color: #6a994e; } .s3 { color: #7b5ea7; }
.s4 { color: #b23a48; } .s5 { color: #17989e; } .s6 { color: #b8860b; } .s7 { color: #5c6670; }
.bar { fill: currentColor; fill-opacity: .55; } .band { fill: currentColor; fill-opacity: .15; }
.line { fill: none; stroke: currentColor; stroke-width: 1.5; stroke-linecap: round;
  stroke-linejoin: round; }
.axis { stroke: var(--line); }
)";

bool looks_like_a_number(const std::string& text) {
  if (text.empty()) return false;
  const char first = text[0];
  return std::isdigit(static_cast<unsigned char>(first)) || first == '-' || first == '+' ||
         first == '.';
}

std::string base64(const std::string& bytes) {
  constexpr const char* kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const size_t count = std::min<size_t>(3, bytes.size() - i);
    uint32_t group = 0;
    for (size_t k = 0; k < 3; ++k) {
      group = group << 8 | (k < count ? static_cast<uint8_t>(bytes[i + k]) : 0);
    }
    for (size_t k = 0; k < 4; ++k) {
      text += k <= count ? kDigits[group >> (18 - 6 * k) & 63] : '=';
    }
  }
  return text;
}

Html element(const std::string& tag, const Html& content) {
  return Html("<" + tag + ">") + content + Html("</" + tag + ">\n");
}

}  // namespace

Html escape(std::string_view text) {
  static const std::map<char, std::string> entities{
      {'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}, {'\'', "&#39;"}};
  std::string out;
  for (const char c : core::printable_lines(text)) {
    const auto entity = entities.find(c);
    out += entity == entities.end() ? std::string(1, c) : entity->second;
  }
  return Html(out);
}

Html heading(const std::string& text) { return element("h2", escape(text)); }

Html paragraph(const std::string& text) { return element("p", escape(text)); }

Html preformatted(const std::string& text) { return element("pre", escape(text)); }

Html details(const std::string& summary, const Html& content) {
  return element("details", element("summary", escape(summary)) + content);
}

Html table(const std::vector<std::vector<std::string>>& rows) {
  Html body;
  for (size_t i = 0; i < rows.size(); ++i) {
    Html cells;
    for (size_t k = 0; k < rows[i].size(); ++k) {
      const bool number = rows.size() > 1 && k < rows[1].size() && looks_like_a_number(rows[1][k]);
      const std::string tag = i == 0 ? "th" : "td";
      cells += Html("<" + tag + (number ? " class=\"n\">" : ">")) + escape(rows[i][k]) +
               Html("</" + tag + ">");
    }
    body += element("tr", cells);
  }
  return element("table", body);
}

Html picture(const video::Frame& image, const std::string& caption, int64_t min_width) {
  const int64_t width = std::max(image.width, min_width);
  return Html("<figure><img alt=\"") + escape(caption) +
         Html(cat("\" width=\"", width, "\" src=\"data:image/png;base64,",
                  base64(video::encode_png(image)), "\"><figcaption>")) +
         escape(caption) + Html("</figcaption></figure>\n");
}

Html movie(const std::string& mp4, const std::string& caption, int64_t width) {
  return Html(cat("<figure><video autoplay loop muted playsinline controls width=\"", width,
                  "\" src=\"data:video/mp4;base64,", base64(mp4), "\"></video><figcaption>")) +
         escape(caption) + Html("</figcaption></figure>\n");
}

Html side_by_side(const std::vector<Html>& parts) {
  Html row("<div class=\"row\">\n");
  for (const auto& part : parts) row += Html("<div>") + part + Html("</div>\n");
  return row + Html("</div>\n");
}

std::string page(const std::string& title, const Html& body, int64_t refresh_seconds) {
  const Html refresh =
      refresh_seconds > 0
          ? Html(cat("<meta http-equiv=\"refresh\" content=\"", refresh_seconds, "\">\n"))
          : Html();
  const Html document =
      Html(
          "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width\">\n") +
      refresh + element("title", escape(title)) + element("style", Html(kStyle)) +
      Html("</head>\n<body>\n") + element("h1", escape(title)) + body + Html("</body>\n</html>\n");
  return document.markup();
}

void write_page(const std::filesystem::path& path, const std::string& title, const Html& body,
                int64_t refresh_seconds) {
  core::AtomicFile file(path);
  file.write(page(title, body, refresh_seconds));
  file.commit();
}

}  // namespace vidgen::report
