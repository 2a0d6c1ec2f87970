#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "vidgen/video/frame.h"

/// Parts of a web page that is one file: styles, pictures and diagrams are inside it, so it opens
/// from disk without a network. Text is std::string and is escaped by whatever takes it; Html is
/// markup, which only these functions make.
namespace vidgen::report {

class Html {
 public:
  Html() = default;
  /// Markup as it is: for constants of the program.
  explicit Html(std::string markup) : markup_(std::move(markup)) {}
  const std::string& markup() const { return markup_; }
  Html& operator+=(const Html& other) {
    markup_ += other.markup_;
    return *this;
  }

 private:
  std::string markup_;
};
inline Html operator+(Html a, const Html& b) { return a += b; }

/// The text with &, <, >, " and ' as entities, and without what HTML cannot hold (control
/// characters).
Html escape(std::string_view text);

Html heading(const std::string& text);
Html paragraph(const std::string& text);
/// The first row is the heading; a column whose cells begin with a digit, sign or point is aligned
/// to the right.
Html table(const std::vector<std::vector<std::string>>& rows);
/// A picture, in its own pixels at least `min_width` CSS pixels wide, with a line of text below.
/// Throws vidgen::Error when it has no pixels.
Html picture(const video::Frame& image, const std::string& caption, int64_t min_width = 0);
/// The parts in one row where there is room, else below each other.
Html side_by_side(const std::vector<Html>& parts);

/// A sample of numbers and what it is called.
struct Series {
  std::string name;
  std::vector<double> values;
};
/// How the values of each series are distributed, over one axis; values that are not finite are
/// left out. At most 4 series.
Html histogram(const std::string& title, const std::vector<Series>& series);

/// A whole document.
std::string page(const std::string& title, const Html& body);
/// Writes a document whole or not at all; throws vidgen::Error naming the file.
void write_page(const std::filesystem::path& path, const std::string& title, const Html& body);

}  // namespace vidgen::report
