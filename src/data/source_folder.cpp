#include "source_folder.h"

#include <strings.h>
#include <sys/stat.h>

#include <algorithm>
#include <iterator>
#include <set>
#include <tuple>
#include <utility>

#include "vidgen/core/error.h"
#include "vidgen/core/files.h"
#include "vidgen/video/probe.h"
#include "vidgen/video/sequence.h"

namespace vidgen::data {
namespace {

namespace fs = std::filesystem;

/// A folder, whatever its name: device and inode. Nothing when there is none.
std::pair<uint64_t, uint64_t> identity_of(const fs::path& folder) {
  struct stat status {};
  if (::stat(folder.c_str(), &status) != 0) return {};
  return {status.st_dev, status.st_ino};
}

/// Folders in which systems and servers keep what was deleted or what they made themselves.
bool is_system_folder(const std::string& name) {
  constexpr const char* kNames[] = {
      "$RECYCLE.BIN", "#recycle", "@eaDir", "System Volume Information", "lost+found", "__MACOSX"};
  return std::any_of(std::begin(kNames), std::end(kNames),
                     [&](const char* other) { return ::strcasecmp(name.c_str(), other) == 0; });
}

class FolderWalk {
 public:
  FolderWalk(fs::path root, bool classes) : root_(std::move(root)), classes_(classes) {}

  FolderContent run() {
    if (!list(fs::path())) {
      throw Error(core::cat(root_.string(), ": cannot list the folder: ", error_.message()));
    }
    // After the folders themselves, so that what is inside the source keeps its own place.
    for (size_t i = 0; i < links_.size(); ++i) {
      std::sort(links_.begin() + static_cast<std::ptrdiff_t>(i), links_.end());
      follow(fs::path(links_[i]));
    }
    std::sort(content_.videos.begin(), content_.videos.end());
    return std::move(content_);
  }

 private:
  /// `inside` is below the root. False when it cannot be listed.
  bool list(const fs::path& inside) {
    mark(inside);
    std::vector<fs::path> folders;
    std::vector<std::string> pictures;
    fs::directory_iterator entry(root_ / inside, error_);
    if (error_) return false;
    while (entry != fs::directory_iterator()) {
      look_at(*entry, inside, folders, pictures);
      entry.increment(error_);
      if (error_) {
        complain(inside, "cannot be listed to its end: " + error_.message());
        break;
      }
    }
    take_pictures(inside, std::move(pictures));
    std::sort(folders.begin(), folders.end());
    for (const fs::path& folder : folders) {
      if (is_marked(folder)) {
        repeat(folder, "is a folder that a link leads to, too: taken once");
      } else if (!list(folder)) {
        complain(folder, "cannot list the folder: " + error_.message());
      }
    }
    return true;
  }

  void look_at(const fs::directory_entry& entry, const fs::path& inside,
               std::vector<fs::path>& folders, std::vector<std::string>& pictures) {
    const std::string name = entry.path().filename().string();
    if (name.front() == '.') return;
    const fs::path path = inside / name;
    std::error_code error;
    const fs::file_status status = entry.status(error);
    switch (status.type()) {
      case fs::file_type::directory:
        if (is_system_folder(name)) return;
        (entry.is_symlink(error) ? links_ : folders).push_back(path);
        return;
      case fs::file_type::regular:
        take(path, pictures);
        return;
      default:
        break;
    }
    const video::NameKind kind = video::kind_of_name(name);
    if (kind == video::NameKind::kOther) {
      leave(path);
    } else if (status.type() == fs::file_type::not_found) {
      std::error_code ignored;
      complain(path, core::cat("is a link to ", fs::read_symlink(entry.path(), ignored).string(),
                               ", which does not exist"));
    } else if (error) {
      complain(path, error.message());
    } else {
      complain(path, "is no regular file but a pipe, a socket or a device");
    }
  }

  void take(const fs::path& path, std::vector<std::string>& pictures) {
    switch (video::kind_of_name(path)) {
      case video::NameKind::kVideo:
        content_.videos.push_back(path);
        return;
      case video::NameKind::kPicture:
        pictures.push_back(path.filename().string());
        return;
      case video::NameKind::kOther:
        leave(path);
        return;
      case video::NameKind::kUnknown:
        take_unknown(path);
        return;
    }
  }

  /// A name that so many files have without one of them being a video is that of other data.
  void take_unknown(const fs::path& path) {
    constexpr int64_t kEnough = 256;
    int64_t& opened = opened_[core::lower_extension(path)];
    if (opened == kEnough) return leave(path);
    const size_t before = content_.videos.size();
    take_if(path, video::holds_video);
    opened = content_.videos.size() == before ? opened + 1 : INT64_MIN;
  }

  void take_if(const fs::path& path, bool (*is_video)(const fs::path&)) {
    try {
      if (is_video(root_ / path)) {
        content_.videos.push_back(path);
      } else {
        leave(path);
      }
    } catch (const Error& error) {
      content_.problems.emplace_back(error.what());
    }
  }

  void take_pictures(const fs::path& inside, std::vector<std::string> names) {
    std::sort(names.begin(), names.end());
    std::vector<std::string> single;
    for (const video::PictureSequence& sequence : video::find_sequences(names, &single)) {
      content_.videos.push_back(inside / sequence.name);
    }
    for (const std::string& name : single) take_if(inside / name, video::is_animated);
  }

  void follow(const fs::path& link) {
    if (is_loop(link)) {
      repeat(link, "is a link to a folder that it is inside of: not followed");
    } else if (is_marked(link)) {
      repeat(link, "is a link to a folder that is taken already: not followed");
    } else if (!list(link)) {
      complain(link, "cannot list the folder: " + error_.message());
    }
  }

  bool is_loop(const fs::path& link) const {
    const auto target = identity_of(root_ / link);
    std::error_code error;
    fs::path parent = fs::canonical((root_ / link).parent_path(), error);
    for (; !error && !parent.empty(); parent = parent.parent_path()) {
      if (identity_of(parent) == target) return true;
      if (parent == parent.parent_path()) break;
    }
    return false;
  }

  using Mark = std::tuple<uint64_t, uint64_t, std::string>;
  Mark mark_of(const fs::path& inside) const {
    const auto [device, node] = identity_of(root_ / inside);
    return {device, node, classes_ && !inside.empty() ? inside.begin()->string() : ""};
  }
  void mark(const fs::path& inside) { marks_.insert(mark_of(inside)); }
  bool is_marked(const fs::path& inside) const { return marks_.count(mark_of(inside)) > 0; }

  void leave(const fs::path& path) { ++content_.not_taken[core::lower_extension(path)]; }
  void complain(const fs::path& path, const std::string& what) {
    content_.problems.push_back(core::cat((root_ / path).string(), ": ", what));
  }
  void repeat(const fs::path& path, const std::string& what) {
    content_.repeated.push_back(core::cat((root_ / path).string(), ": ", what));
  }

  const fs::path root_;
  const bool classes_;
  std::error_code error_;
  std::vector<fs::path> links_;
  std::set<Mark> marks_;
  /// How many files of an unknown extension were opened in vain; negative once one is a video.
  std::map<std::string, int64_t> opened_;
  FolderContent content_;
};

}  // namespace

FolderContent list_folder(const fs::path& folder, bool classes) {
  return FolderWalk(folder, classes).run();
}

}  // namespace vidgen::data
