#include "temporaries.h"

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

HeldTemporaries hold_temporaries() { return HeldTemporaries(temporaries().mutex); }

void remember_temporary(const HeldTemporaries&, const std::filesystem::path& path) {
  std::error_code unknown;
  temporaries().paths.insert(std::filesystem::absolute(path, unknown));
}

void forget_temporary(const HeldTemporaries&, const std::filesystem::path& path) {
  std::error_code unknown;
  temporaries().paths.erase(std::filesystem::absolute(path, unknown));
}

void delete_temporaries() {
  temporaries().mutex.lock();
  for (const auto& path : temporaries().paths) {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
}

}  // namespace vidgen::core
