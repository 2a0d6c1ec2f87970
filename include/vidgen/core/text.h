#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace vidgen::core {

/// The candidate with the smallest edit distance to `word`, or "" when none is near enough to be a
/// likely misspelling.
std::string nearest(std::string_view word, const std::vector<std::string>& candidates);

/// Whether `name` matches a pattern in which `*` stands for any run of characters and `?` for one.
bool matches_glob(std::string_view name, std::string_view pattern);

/// "a, b, c".
std::string join(const std::vector<std::string>& parts, std::string_view separator = ", ");

/// The parts of "a, b, c" without the spaces around them. A comma inside double quotes or behind a
/// backslash belongs to its part, as any character behind a backslash does; a quote that is not
/// closed is a character as any other. Empty parts are left out.
std::vector<std::string> split_list(std::string_view text);

/// "a, b, c" that split_list() takes apart again: parts that need it stand in double quotes.
std::string join_list(const std::vector<std::string>& parts);

/// The first `bytes` of a text at most, without a part of a UTF-8 character at the end.
std::string cut_utf8(std::string_view text, size_t bytes);

/// Text of any origin as it may be shown, on one line: what moves a cursor, colours, reorders or
/// hides text (control characters, line ends, those of bidirectional text, invisible ones) and what
/// is not UTF-8 become escapes: \n, \x1b, \u202e. The rest stays, backslashes too.
std::string printable(std::string_view text);

/// The same, but for line ends and tabs, which stay.
std::string printable_lines(std::string_view text);

/// A text of at most so many bytes, the middle of a longer one left out: "begin [8123 bytes] end".
std::string shortened(std::string_view text, size_t bytes = 200);

/// A warning or an error as it is shown: printable() and of at most 4,000 bytes.
std::string one_line(std::string_view message);

/// Rows of cells as aligned columns, the first row as the heading; numbers are aligned to the
/// right. Cells are shown as printable().
std::string format_table(const std::vector<std::vector<std::string>>& rows);

/// A number with a fixed count of decimals.
std::string format_number(double value, int decimals);

}  // namespace vidgen::core
