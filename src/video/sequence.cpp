#include "vidgen/video/sequence.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <map>
#include <memory>
#include <mutex>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "vidgen/video/probe.h"

namespace vidgen::video {
namespace {

namespace fs = std::filesystem;

constexpr size_t kFewestPictures = 2;
/// A number at the end that takes fewer values may also be a version, a camera, an eye.
constexpr size_t kFewValues = 4;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// The places of the numbers in a name, but those of its extension.
std::vector<std::pair<size_t, size_t>> numbers_in(const std::string& name) {
  const size_t end = name.size() - fs::path(name).extension().string().size();
  std::vector<std::pair<size_t, size_t>> numbers;
  for (size_t i = 0; i < end;) {
    size_t j = i;
    while (j < end && is_digit(name[j])) ++j;
    if (j > i) numbers.emplace_back(i, j - i);
    i = std::max(j, i + 1);
  }
  return numbers;
}

std::string pattern_of(const std::string& name, const std::pair<size_t, size_t>& number) {
  return name.substr(0, number.first) + "#" + name.substr(number.first + number.second);
}

/// A name that ends with SECONDS.FRACTION, as those of pictures from many robots and cameras do.
struct ClockName {
  std::string pattern;
  size_t place = 0;
  std::string_view seconds;
  std::string_view fraction;
};

std::optional<ClockName> clock_name(const std::string& name) {
  const auto numbers = numbers_in(name);
  if (numbers.size() < 2) return std::nullopt;
  const auto [place, size] = numbers[numbers.size() - 2];
  const auto [behind, width] = numbers.back();
  if (place + size + 1 != behind || name[behind - 1] != '.') return std::nullopt;
  return ClockName{name.substr(0, place) + "#.#" + name.substr(behind + width), place,
                   number_in(name, place), std::string_view(name).substr(behind, width)};
}

/// Whether names of one pattern are of one clock, and not of several takes that are counted each.
bool is_clock(std::vector<ClockName> names) {
  constexpr size_t kMicroseconds = 6, kSince1970 = 9, kMostDigits = 18;
  std::sort(names.begin(), names.end(), [](const ClockName& a, const ClockName& b) {
    return std::tuple(a.seconds.size(), a.seconds, a.fraction) <
           std::tuple(b.seconds.size(), b.seconds, b.fraction);
  });
  const size_t width = names.front().fraction.size();
  if (names.front().seconds == names.back().seconds || width > kMostDigits) return false;
  for (size_t i = 0; i < names.size(); ++i) {
    if (names[i].fraction.size() != width) return false;
    if (width < kMicroseconds && names[i].seconds.size() < kSince1970) return false;
    if (i > 0 && names[i].seconds == names[i - 1].seconds &&
        std::stoll(std::string(names[i].fraction)) ==
            std::stoll(std::string(names[i - 1].fraction)) + 1) {
      return false;
    }
  }
  return true;
}

void sort_by_number(std::vector<std::string>& files, size_t prefix) {
  std::sort(files.begin(), files.end(), [&](const std::string& a, const std::string& b) {
    const std::string_view x = number_in(a, prefix), y = number_in(b, prefix);
    return std::tuple(x.size(), x, std::string_view(a)) <
           std::tuple(y.size(), y, std::string_view(b));
  });
}

std::vector<std::string> pictures_in(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    std::error_code ignored;
    if (name.front() == '.' || kind_of_name(name) != NameKind::kPicture) continue;
    if (entry->is_regular_file(ignored)) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

/// What find_sequences() says of a folder.
struct SortedFolder {
  std::vector<std::string> names;
  std::vector<PictureSequence> sequences;
  std::vector<std::string> left;
};

/// The last folder is remembered: it may hold thousands of sequences, each of which asks.
std::shared_ptr<const SortedFolder> sort_folder(const fs::path& folder) {
  static std::mutex mutex;
  static fs::path last;
  static fs::file_time_type last_change;
  static std::shared_ptr<const SortedFolder> remembered;
  // A change so soon after another one may not show in the folder's time.
  constexpr std::chrono::seconds kClockTick{2};
  std::error_code error;
  const fs::path absolute = fs::absolute(folder, error);
  const fs::file_time_type change = fs::last_write_time(folder, error);
  {
    const std::lock_guard lock(mutex);
    if (remembered && last == absolute && last_change == change) return remembered;
  }
  const auto begin = fs::file_time_type::clock::now();
  auto sorted = std::make_shared<SortedFolder>();
  sorted->names = pictures_in(folder);
  sorted->sequences = find_sequences(sorted->names, &sorted->left);
  const std::lock_guard lock(mutex);
  if (!error && change + kClockTick < begin) {
    last = absolute;
    last_change = change;
    remembered = sorted;
  }
  return sorted;
}

/// The names that the "#" at `place` stands for a number of.
std::vector<std::string> matches(const std::vector<std::string>& names, const std::string& pattern,
                                 size_t place) {
  const std::string prefix = pattern.substr(0, place), suffix = pattern.substr(place + 1);
  std::vector<std::string> found;
  for (const std::string& name : names) {
    if (name.size() < pattern.size() || name.compare(0, place, prefix) != 0) continue;
    const size_t end = name.size() - suffix.size();
    if (name.compare(end, suffix.size(), suffix) != 0) continue;
    if (std::all_of(name.begin() + static_cast<std::ptrdiff_t>(place),
                    name.begin() + static_cast<std::ptrdiff_t>(end), is_digit)) {
      found.push_back(name);
    }
  }
  sort_by_number(found, place);
  return found;
}

}  // namespace

std::string_view number_in(std::string_view name, size_t place) {
  size_t end = place;
  while (end < name.size() && is_digit(name[end])) ++end;
  while (place + 1 < end && name[place] == '0') ++place;
  return name.substr(place, end - place);
}

std::vector<PictureSequence> find_sequences(const std::vector<std::string>& names,
                                            std::vector<std::string>* left) {
  std::map<std::string, std::vector<ClockName>> clocks;
  for (const std::string& name : names) {
    if (const auto clock = clock_name(name)) clocks[clock->pattern].push_back(*clock);
  }
  for (auto clock = clocks.begin(); clock != clocks.end();) {
    clock = is_clock(clock->second) ? std::next(clock) : clocks.erase(clock);
  }
  std::unordered_map<std::string, size_t> counts;
  for (const std::string& name : names) {
    for (const auto& number : numbers_in(name)) ++counts[pattern_of(name, number)];
  }
  std::map<std::string, PictureSequence> sequences;
  std::map<std::string, size_t> places;
  std::vector<std::string> single;
  for (const std::string& name : names) {
    if (const auto clock = clock_name(name); clock && clocks.count(clock->pattern) > 0) {
      sequences[clock->pattern].files.push_back(name);
      places[clock->pattern] = clock->place;
      continue;
    }
    std::string best;
    size_t best_count = 0, place = 0;
    const auto numbers = numbers_in(name);
    for (auto number = numbers.rbegin(); number != numbers.rend(); ++number) {
      const std::string pattern = pattern_of(name, *number);
      const size_t count = counts[pattern];
      if (best_count >= kFewValues || count <= best_count) continue;
      best = pattern;
      best_count = count;
      place = number->first;
    }
    if (best_count < kFewestPictures) {
      single.push_back(name);
      continue;
    }
    sequences[best].files.push_back(name);
    places[best] = place;
  }
  std::vector<PictureSequence> result;
  for (auto& [name, sequence] : sequences) {
    if (sequence.files.size() < kFewestPictures) {
      single.insert(single.end(), sequence.files.begin(), sequence.files.end());
      continue;
    }
    sequence.name = name;
    sort_by_number(sequence.files, places[name]);
    result.push_back(std::move(sequence));
  }
  if (left) *left = std::move(single);
  return result;
}

std::optional<std::vector<fs::path>> pictures_of(const fs::path& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  fs::path folder = path;
  std::vector<std::string> files;
  if (fs::is_directory(status)) {
    const auto sorted = sort_folder(path);
    if (sorted->sequences.size() != 1 || !sorted->left.empty()) return std::nullopt;
    files = sorted->sequences[0].files;
  } else if (status.type() == fs::file_type::not_found) {
    const std::string pattern = path.filename().string();
    folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
    if (pattern.find('#') == std::string::npos) return std::nullopt;
    const auto sorted = sort_folder(folder);
    for (const PictureSequence& sequence : sorted->sequences) {
      if (sequence.name == pattern) files = sequence.files;
    }
    // A pattern of the user's own; what it names may hold another "#".
    for (size_t at = pattern.find('#'); at != std::string::npos && files.empty();
         at = pattern.find('#', at + 1)) {
      files = matches(sorted->names, pattern, at);
    }
  }
  if (files.size() < kFewestPictures) return std::nullopt;
  std::vector<fs::path> paths;
  for (const std::string& name : files) paths.push_back(folder / name);
  return paths;
}

}  // namespace vidgen::video
