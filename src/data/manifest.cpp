#include "vidgen/data/manifest.h"

#include <algorithm>
#include <set>
#include <utility>

#include "source_folder.h"
#include "vidgen/core/json.h"
#include "vidgen/core/text.h"
#include "vidgen/video/probe.h"
#include "vidgen/video/sequence.h"

namespace vidgen::data {
namespace {

namespace fs = std::filesystem;

std::string no_class(const fs::path& inside, const fs::path& source) {
  std::error_code error;
  return (fs::is_directory(source, error) ? source / inside : source).string() +
         ": has no class, expected it in a folder of the source that is named after its class "
         "(data.classes)";
}

/// The folder directly below the source that a file is in; `inside` is its path there.
std::string class_of(const fs::path& inside, const fs::path& source) {
  if (!inside.has_parent_path()) throw Error(no_class(inside, source));
  const std::string name = inside.begin()->string();
  try {
    core::Json(name).dump();
  } catch (const core::Json::exception&) {
    throw Error((source / *inside.begin()).string() + ": its name, that of a class, is not UTF-8");
  }
  return name;
}

/// Wherever links lead, so that a source's spelling makes no difference. Numbered pictures are no
/// file of their own.
fs::path real_path(const fs::path& path) {
  std::error_code error;
  const fs::path real = fs::weakly_canonical(fs::absolute(path, error), error);
  return error ? path : real;
}

void set_labels(std::vector<ManifestEntry>& entries) {
  const std::vector<std::string> names = class_names(entries);
  if (names.size() < 2) {
    throw Error(core::cat("data.classes: found one class, \"", names.front(),
                          "\", expected a folder of videos for each of at least two"));
  }
  for (ManifestEntry& entry : entries) {
    entry.label = std::lower_bound(names.begin(), names.end(), entry.class_name) - names.begin();
  }
}

bool has_pictures(const std::map<std::string, int64_t>& extensions) {
  return std::any_of(extensions.begin(), extensions.end(), [](const auto& item) {
    return video::kind_of_name("a" + item.first) == video::NameKind::kPicture;
  });
}

class Lister {
 public:
  explicit Lister(const DataOptions& options) : options_(options) {}

  VideoList run() {
    for (size_t i = 0; i < options_.sources.size(); ++i) list(i);
    if (list_.videos.empty()) throw Error("no video found: there are no sources");
    if (options_.classes) set_labels(list_.videos);
    return std::move(list_);
  }

 private:
  void list(size_t index) {
    const fs::path source = options_.sources[index].path;
    std::error_code error;
    const fs::file_status status = fs::status(source, error);
    if (status.type() == fs::file_type::directory) return list_inside(index, source);
    const bool missing = status.type() == fs::file_type::not_found;
    if (missing && !video::pictures_of(source)) {
      throw Error(source.string() + ": no such file or folder (a source of videos)");
    }
    if (error && !missing) throw Error(source.string() + ": " + error.message());
    add(index, real_path(source), source, source.filename());
  }

  void list_inside(size_t index, const fs::path& source) {
    const FolderContent content = list_folder(source, options_.classes);
    if (options_.on_error == OnError::kStop && !content.problems.empty()) {
      throw Error(content.problems.front());
    }
    if (content.videos.empty()) {
      std::string message = source.string() + ": no video found in this folder";
      const std::string rest = format_not_taken(content.not_taken);
      if (!rest.empty()) message += " (" + rest + ")";
      if (has_pictures(content.not_taken)) {
        message += "; pictures are a video when their names differ in one number only";
      }
      for (const std::string& problem : content.problems) message += "; " + problem;
      throw Error(message);
    }
    const fs::path real = real_path(source);
    // Where there are folders of classes, a video beside them is no reason to give up.
    const bool lenient = options_.classes && options_.on_error == OnError::kSkip &&
                         std::any_of(content.videos.begin(), content.videos.end(),
                                     [](const auto& video) { return video.has_parent_path(); });
    for (const fs::path& inside : content.videos) {
      if (lenient && !inside.has_parent_path()) {
        list_.warnings.push_back(no_class(inside, source) + "; passed over");
        continue;
      }
      add(index, real / inside, source / inside, inside);
    }
    for (const auto& [extension, count] : content.not_taken) list_.not_taken[extension] += count;
    for (const auto* lines : {&content.problems, &content.repeated}) {
      list_.warnings.insert(list_.warnings.end(), lines->begin(), lines->end());
    }
  }

  void add(size_t index, const fs::path& real, const fs::path& shown, const fs::path& inside) {
    ManifestEntry entry{real, shown.lexically_normal().string(), index,
                        options_.sources[index].weight};
    entry.inside = inside.string();
    if (options_.classes) {
      const bool file = shown == fs::path(options_.sources[index].path);
      entry.class_name = class_of(file ? fs::path() : inside, options_.sources[index].path);
    }
    list_.videos.push_back(std::move(entry));
  }

  const DataOptions& options_;
  VideoList list_;
};

}  // namespace

VideoList find_videos(const DataOptions& options) { return Lister(options).run(); }

std::vector<ManifestEntry> list_videos(const DataOptions& options) {
  return find_videos(options).videos;
}

std::string format_not_taken(const std::map<std::string, int64_t>& not_taken) {
  constexpr size_t kShown = 8;
  int64_t total = 0;
  std::vector<std::pair<int64_t, std::string>> counts;
  for (const auto& [extension, count] : not_taken) {
    total += count;
    counts.emplace_back(-count, extension.empty() ? "without extension" : extension);
  }
  if (counts.empty()) return "";
  std::sort(counts.begin(), counts.end());
  std::vector<std::string> parts;
  for (const auto& [count, extension] : counts) {
    if (parts.size() == kShown) {
      parts.push_back(core::cat(counts.size() - kShown, " other kinds"));
      break;
    }
    parts.push_back(core::cat(core::printable(extension), " ", -count));
  }
  return core::cat("not taken: ", total, total == 1 ? " file (" : " files (", core::join(parts),
                   ")");
}

std::vector<std::string> class_names(const std::vector<ManifestEntry>& entries) {
  std::set<std::string> names;
  for (const ManifestEntry& entry : entries) {
    if (!entry.class_name.empty()) names.insert(entry.class_name);
  }
  return {names.begin(), names.end()};
}

std::string format_classes(const std::map<std::string, int64_t>& clips) {
  std::vector<std::string> parts;
  for (const auto& [name, count] : clips)
    parts.push_back(core::cat(core::printable(name), " (", count, ")"));
  return core::cat(parts.size(), " classes with their clips: ", core::join(parts));
}

}  // namespace vidgen::data
