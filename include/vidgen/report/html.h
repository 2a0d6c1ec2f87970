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
/// Text as it is, line by line, in a fixed width.
Html preformatted(const std::string& text);
/// Something that is shown when the reader asks for it.
Html details(const std::string& summary, const Html& content);
/// The first row is the heading; a column whose cells begin with a digit, sign or point is aligned
/// to the right.
Html table(const std::vector<std::vector<std::string>>& rows);
/// A picture, in its own pixels at least `min_width` CSS pixels wide, with a line of text below.
/// Throws vidgen::Error when it has no pixels.
Html picture(const video::Frame& image, const std::string& caption, int64_t min_width = 0);
/// An MP4 file that plays again and again, `width` CSS pixels wide.
Html movie(const std::string& mp4, const std::string& caption, int64_t width);
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

enum class Scale { kLinear, kLogarithmic };
/// A curve for each series over the same `steps`, which grow; each series has a value for each
/// step. Of more points than pixels, neighbours become one: their mean, and an area from the
/// smallest to the largest. Values that are not finite, or with a logarithmic scale not positive,
/// are left out. Of many values, the axis leaves out the most extreme 1 %, which then lie on its
/// edge.
Html line_chart(const std::string& title, const std::vector<double>& steps,
                const std::vector<Series>& series, Scale scale = Scale::kLinear);

/// A whole document. A browser that shows it loads it again every `refresh_seconds`; 0 never does.
std::string page(const std::string& title, const Html& body, int64_t refresh_seconds = 0);
/// Writes a document whole or not at all; throws vidgen::Error naming the file.
void write_page(const std::filesystem::path& path, const std::string& title, const Html& body,
                int64_t refresh_seconds = 0);

}  // namespace vidgen::report
