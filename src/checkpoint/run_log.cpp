#include "vidgen/checkpoint/run_log.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vidgen/core/disk.h"
#include "vidgen/core/error.h"
#include "vidgen/core/files.h"
#include "vidgen/core/log.h"

namespace vidgen::checkpoint {
namespace {

namespace fs = std::filesystem;
using core::cat;
using core::Json;

constexpr size_t kPartBytes = 1 << 16;
/// Of a line; one of a run has a few hundred.
constexpr size_t kMaxLineBytes = 1 << 20;

/// Bytes of the log that belong together.
struct Span {
  uint64_t begin = 0, end = 0;
  uint64_t size() const { return end - begin; }
};

struct Line {
  Span span;
  /// Without the newline; of a line that is too long only the beginning, which is too long as well.
  std::string text;
  /// It has its newline.
  bool ended = false;
};

/// Calls `use` with each line in turn. Holds one at a time.
template <class Use>
void for_each_line(const core::InputFile& file, const Use& use) {
  Line line;
  const auto add = [&line](std::string_view part) {
    if (line.text.size() <= kMaxLineBytes) line.text += part;
    line.span.end += part.size();
  };
  std::string buffer(kPartBytes, '\0');
  uint64_t offset = 0;
  while (const size_t count = file.read(offset, buffer.data(), buffer.size())) {
    offset += count;
    std::string_view rest(buffer.data(), count);
    for (size_t end = 0; (end = rest.find('\n')) != std::string_view::npos;) {
      add(rest.substr(0, end));
      line.span.end += 1;
      line.ended = true;
      use(line);
      line = {{line.span.end, line.span.end}, {}, false};
      rest.remove_prefix(end + 1);
    }
    add(rest);
  }
  if (line.span.size() > 0) use(line);
}

Json parse(const std::string& text) {
  constexpr core::JsonLimits kLimits{kMaxLineBytes, /*depth=*/4, /*values=*/100'000};
  try {
    return core::parse_json(text, kLimits);
  } catch (const Error&) {
    return nullptr;
  }
}

struct Entry {
  Json json;
  /// Of an event the one that comes after it.
  int64_t step = 0;
};

/// Nothing for what is no line of a log.
std::optional<Entry> parse_line(const std::string& text) {
  auto json = parse(text);
  if (!json.is_object()) return std::nullopt;
  const auto step = json.find(json.contains("event") ? "before_step" : "step");
  if (step == json.end() || !step->is_number_unsigned()) return std::nullopt;
  const auto value = step->get<uint64_t>();
  if (value > std::numeric_limits<int64_t>::max()) return std::nullopt;
  return Entry{std::move(json), static_cast<int64_t>(value)};
}

/// What becomes of the parts of a log.
struct Division {
  std::vector<Span> stays, later, damaged;
  int64_t later_lines = 0, damaged_lines = 0;
  int64_t first_damaged_line = 0;
  /// The last line that stays has no newline, but is whole.
  bool lacks_newline = false;
};

void add_span(std::vector<Span>& spans, const Span& span) {
  if (!spans.empty() && spans.back().end == span.begin) {
    spans.back().end = span.end;
  } else {
    spans.push_back(span);
  }
}

Division divide(const core::InputFile& file, int64_t step,
                const std::function<void(const Json&)>& keep) {
  Division parts;
  int64_t number = 0;
  for_each_line(file, [&](const Line& line) {
    ++number;
    const auto entry = parse_line(line.text);
    if (!entry) {
      add_span(parts.damaged, line.span);
      if (parts.damaged_lines++ == 0) parts.first_damaged_line = number;
    } else if (entry->step > step) {
      add_span(parts.later, line.span);
      ++parts.later_lines;
    } else {
      add_span(parts.stays, line.span);
      parts.lacks_newline = !line.ended;
      keep(entry->json);
    }
  });
  return parts;
}

/// Calls `use` with the bytes of the spans in turn.
template <class Use>
void copy(const core::InputFile& file, const std::vector<Span>& spans, const Use& use) {
  std::string buffer;
  for (const auto& span : spans) {
    for (uint64_t at = span.begin; at < span.end; at += buffer.size()) {
      buffer.resize(std::min<uint64_t>(kPartBytes, span.end - at));
      buffer.resize(file.read(at, buffer.data(), buffer.size()));
      if (buffer.empty()) return;
      use(buffer);
    }
  }
}

/// Adds lines to a file that keeps them; on the disk before they leave the log.
void append_spans(const core::InputFile& file, const std::vector<Span>& spans, const fs::path& to) {
  char last = '\n';
  copy(file, spans, [&](const std::string& bytes) {
    core::append_to_file(to, bytes);
    last = bytes.back();
  });
  if (last != '\n') core::append_to_file(to, "\n");
  core::flush_to_disk(to);
  core::flush_to_disk(core::folder_of(to));
}

void rewrite(const core::InputFile& file, const Division& parts, const fs::path& path) {
  core::AtomicFile rewritten(path);
  copy(file, parts.stays, [&](const std::string& bytes) { rewritten.write(bytes); });
  if (parts.lacks_newline) rewritten.write("\n");
  rewritten.commit();
}

/// False where it cannot be told: opening it says why.
bool is_missing(const fs::path& path) {
  std::error_code error;
  return fs::symlink_status(path, error).type() == fs::file_type::not_found;
}

std::string explain(const Division& parts, const RunLog& log, const fs::path& path) {
  return cat(path.string(), ": ",
             parts.damaged_lines == 1 ? cat("line ", parts.first_damaged_line, " is")
                                      : cat(parts.damaged_lines, " lines, the first line ",
                                            parts.first_damaged_line, ", are"),
             " torn, as by a power cut, or not of a log; kept aside in ", log.damaged().string());
}

}  // namespace

fs::path RunLog::damaged() const { return path_.string() + ".damaged"; }

void RunLog::append(const Json& line) const { core::append_to_file(path_, line.dump() + "\n"); }

void RunLog::flush() const {
  core::flush_to_disk(path_);
  core::flush_to_disk(core::folder_of(path_));
}

void RunLog::rewind(int64_t step, const std::function<void(const Json&)>& keep) const {
  if (is_missing(path_)) return;
  const core::InputFile file(path_);
  const auto parts = divide(file, step, keep);
  if (!parts.damaged.empty()) {
    append_spans(file, parts.damaged, damaged());
    core::log_warning(explain(parts, *this, path_));
  }
  if (!parts.damaged.empty() || !parts.later.empty()) {
    rewrite(file, parts, path_);
  } else if (parts.lacks_newline) {
    core::append_to_file(path_, "\n");
  }
}

int64_t RunLog::copy_later(int64_t step, const fs::path& to) const {
  if (is_missing(path_)) return 0;
  const core::InputFile file(path_);
  const auto parts = divide(file, step, [](const Json&) {});
  if (!parts.later.empty()) append_spans(file, parts.later, to);
  return parts.later_lines;
}

}  // namespace vidgen::checkpoint
