#include "vidgen/data/video_set.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <sstream>
#include <tuple>

#include "vidgen/core/checksum.h"
#include "vidgen/core/error.h"
#include "vidgen/core/random.h"
#include "vidgen/core/text.h"

namespace vidgen::data {
namespace {

constexpr size_t kMostListed = 4096, kNamesShown = 3;
/// Hexadecimal digits: enough that no two of so many videos are taken for each other.
constexpr int kContentDigits = 12, kPlaceDigits = 8;

uint64_t low_digits(uint64_t value, int digits) {
  return value & ((uint64_t{1} << (4 * digits)) - 1);
}

std::string hexadecimal(uint64_t value, int digits) {
  char text[17];
  std::snprintf(text, sizeof text, "%0*lx", digits, value);
  return text;
}

bool is_hexadecimal(const std::string& text) {
  return text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

/// "3 files more (a.mp4, b.mp4, c.mp4)"; "" where there are none.
std::string counted(std::vector<std::string> names, const char* what) {
  if (names.empty()) return "";
  const size_t count = names.size();
  std::sort(names.begin(), names.end());
  if (count > kNamesShown) {
    names.resize(kNamesShown);
    names.emplace_back("...");
  }
  return core::cat(count, what, " (", core::join(names), ")");
}

}  // namespace

VideoSet::VideoSet(const std::vector<CachedVideo>& videos) : count_(videos.size()) {
  for (const CachedVideo& video : videos) {
    const auto& entry = video.entry;
    videos_.push_back(
        {low_digits(core::derive_seed(video.report.fingerprint, entry.class_name), kContentDigits),
         low_digits(core::derive_seed(0, entry.inside), kPlaceDigits), entry.name});
  }
  std::sort(videos_.begin(), videos_.end(), [](const Video& a, const Video& b) {
    return std::tie(a.content, a.place) < std::tie(b.content, b.place);
  });
  for (const Video& video : videos_) {
    digest_ = core::checksum(&video.content, sizeof video.content, digest_);
  }
}

std::string VideoSet::text() const {
  std::string text = core::cat(count_, " ", hexadecimal(digest_, 16));
  if (count_ > kMostListed) return text;
  text += " ";
  for (const Video& video : videos_) {
    text += hexadecimal(video.content, kContentDigits) + hexadecimal(video.place, kPlaceDigits);
  }
  return text;
}

std::optional<VideoSet> VideoSet::parse(const std::string& text) {
  VideoSet set;
  std::istringstream in(text);
  std::string digest, list;
  if (!(in >> set.count_ >> digest) || digest.size() != 16 || !is_hexadecimal(digest)) {
    return std::nullopt;
  }
  set.digest_ = std::stoull(digest, nullptr, 16);
  constexpr size_t kDigits = kContentDigits + kPlaceDigits;
  if (!(in >> list)) return set;
  if (list.size() != set.count_ * kDigits || !is_hexadecimal(list)) return std::nullopt;
  for (size_t at = 0; at < list.size(); at += kDigits) {
    set.videos_.push_back({std::stoull(list.substr(at, kContentDigits), nullptr, 16),
                           std::stoull(list.substr(at + kContentDigits, kPlaceDigits), nullptr, 16),
                           ""});
  }
  return set;
}

std::string VideoSet::changes_since(const VideoSet& before) const {
  if (digest_ == before.digest_ && count_ == before.count_) return "";
  if (videos_.size() != count_ || before.videos_.size() != before.count_) {
    return core::cat("other files (", before.count_, " before, ", count_, " now)");
  }
  // What both have is taken out; of what is left, the places tell what changed.
  std::map<uint64_t, int64_t> contents, places;
  for (const Video& video : before.videos_) ++contents[video.content];
  std::vector<const Video*> others;
  for (const Video& video : videos_) {
    auto& left = contents[video.content];
    if (left > 0) {
      --left;
    } else {
      others.push_back(&video);
    }
  }
  size_t gone = 0;
  for (const Video& video : before.videos_) {
    auto& left = contents[video.content];
    if (left == 0) continue;
    --left;
    ++places[video.place];
    ++gone;
  }
  std::vector<std::string> more, changed;
  for (const Video* video : others) {
    auto& left = places[video->place];
    if (left == 0) {
      more.push_back(video->name);
      continue;
    }
    --left;
    --gone;
    changed.push_back(video->name);
  }
  std::vector<std::string> parts{counted(more, more.size() == 1 ? " file more" : " files more"),
                                 gone == 0 ? "" : core::cat(gone, " gone"),
                                 counted(changed, " changed")};
  parts.erase(std::remove(parts.begin(), parts.end(), ""), parts.end());
  return core::join(parts);
}

}  // namespace vidgen::data
