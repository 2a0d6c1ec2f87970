#include "own_data.h"

#include <algorithm>

#include "vidgen/checkpoint/run_folder.h"
#include "vidgen/config/yaml.h"
#include "vidgen/core/error.h"
#include "vidgen/train/options.h"

namespace vidgen::cli {
namespace {

namespace fs = std::filesystem;

/// The folder of the run, if the file is in one.
fs::path run_of(const fs::path& file) {
  std::error_code error;
  const auto folder = fs::absolute(file, error).lexically_normal().parent_path();
  return folder.filename() == "checkpoints" ? folder.parent_path() : folder;
}

/// The configuration's sections that name files.
struct Named {
  data::DataOptions data;
  train::DistillOptions distill;
};

Named read_named(const core::Json& config) {
  Named named;
  core::read_fields(config.value("data", core::Json::object()), named.data, "data");
  core::read_fields(config.value("distill", core::Json::object()), named.distill, "distill");
  return named;
}

}  // namespace

bool is_of_own_run(const checkpoint::Checkpoint& checkpoint) {
  try {
    const auto config = checkpoint::RunFolder(run_of(checkpoint.path)).config();
    const auto own = read_named(config::read_yaml(config).tree),
               stored = read_named(checkpoint.config);
    const bool same_sources = std::equal(
        own.data.sources.begin(), own.data.sources.end(), stored.data.sources.begin(),
        stored.data.sources.end(), [](const auto& a, const auto& b) { return a.path == b.path; });
    return same_sources && own.data.cache_dir == stored.data.cache_dir &&
           own.distill.teacher == stored.distill.teacher;
  } catch (const Error&) {
    return false;
  } catch (const core::Json::exception&) {
    // A section that is none.
    return false;
  }
}

}  // namespace vidgen::cli
