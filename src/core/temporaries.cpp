#include "temporaries.h"

#include <mutex>
#include <set>

namespace vidgen::core {
namespace {

struct Temporaries {
  std::mutex mutex;
  std::set<std::filesystem::path> paths;
};

/// Never destroyed: other threads may still be writing when the process ends.
Temporaries& temporaries() {
  static auto* instance = new Temporaries;
  return *instance;
}

}  // namespace

void remember_temporary(const std::filesystem::path& path) {
  std::error_code unknown;
  auto absolute = std::filesystem::absolute(path, unknown);
  const std::lock_guard lock(temporaries().mutex);
  temporaries().paths.insert(std::move(absolute));
}

void forget_temporary(const std::filesystem::path& path) {
  std::error_code unknown;
  const auto absolute = std::filesystem::absolute(path, unknown);
  const std::lock_guard lock(temporaries().mutex);
  temporaries().paths.erase(absolute);
}

void delete_temporaries() {
  const std::lock_guard lock(temporaries().mutex);
  for (const auto& path : temporaries().paths) {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
}

}  // namespace vidgen::core
