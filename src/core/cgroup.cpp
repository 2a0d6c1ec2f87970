#include "vidgen/core/cgroup.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <sstream>

#include "vidgen/core/text.h"

namespace vidgen::core {
namespace {

namespace fs = std::filesystem;

// A mount of the hierarchy: the group that is seen at its top, and where it is mounted.
struct CgroupMount {
  std::string group;
  std::string folder;
};

bool has(const std::string& list, const std::string& word) {
  const auto words = split_list(list);
  return std::find(words.begin(), words.end(), word) != words.end();
}

// The group of this process in the hierarchy of the controller (v1), or in that of v2, which is
// the one without names: lines of "number:controllers:group".
std::string group_of_process(const fs::path& root, const std::string& controller) {
  std::ifstream file(root / "proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    const auto first = line.find(':');
    const auto second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const auto names = line.substr(first + 1, second - first - 1);
    if (controller.empty() ? names.empty() : has(names, controller)) return line.substr(second + 1);
  }
  return "";
}

std::vector<CgroupMount> mounts_of(const fs::path& root, const std::string& controller) {
  std::vector<CgroupMount> mounts;
  std::ifstream file(root / "proc/self/mountinfo");
  for (std::string line; std::getline(file, line);) {
    std::istringstream text(line);
    const std::vector<std::string> words{std::istream_iterator<std::string>(text), {}};
    // Fields of varying number end with a dash; type, source and options follow.
    const auto dash = std::find(words.begin(), words.end(), "-");
    if (words.size() < 6 || words.end() - dash < 4) continue;
    if (controller.empty() ? dash[1] == "cgroup2" : dash[1] == "cgroup" && has(dash[3], controller))
      mounts.push_back({words[3], words[4]});
  }
  return mounts;
}

// The group's folder below that of the mount's top, "" where the mount does not show the group.
std::string below(const std::string& group, const std::string& top) {
  if (top == "/") return group;
  if (group == top) return "/";
  return group.rfind(top + "/", 0) == 0 ? group.substr(top.size()) : "";
}

void add_values(const fs::path& root, const std::string& controller, const std::string& file,
                std::vector<std::string>& values) {
  const auto group = group_of_process(root, controller);
  const auto mounts = mounts_of(root, controller);
  if (group.empty() || mounts.empty()) return;
  auto mount = std::find_if(mounts.begin(), mounts.end(),
                            [&](const auto& m) { return !below(group, m.group).empty(); });
  // In a container whose /proc names groups of the host, the mount shows the container's own.
  const auto group_folder = mount == mounts.end() ? "/" : below(group, mount->group);
  if (mount == mounts.end()) mount = mounts.begin();
  const auto mounted = root / fs::path(mount->folder).relative_path();
  for (fs::path inner = fs::path(group_folder).relative_path();; inner = inner.parent_path()) {
    std::ifstream input(mounted / inner / file);
    std::string value;
    if (std::getline(input, value)) values.push_back(value);
    if (inner.empty()) return;
  }
}

}  // namespace

std::vector<std::string> cgroup_values(const std::string& controller, const std::string& file,
                                       const fs::path& root) {
  std::vector<std::string> values;
  add_values(root, controller, file, values);
  add_values(root, "", file, values);
  return values;
}

}  // namespace vidgen::core
