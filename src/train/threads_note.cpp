#include "threads_note.h"

#include <ATen/Parallel.h>

#include "vidgen/core/log.h"

namespace vidgen::train {
namespace {

constexpr const char* kThreadsKey = "threads";

}  // namespace

void note_threads(std::map<std::string, std::string>& metadata, torch::Device device) {
  if (device.is_cpu()) metadata[kThreadsKey] = std::to_string(at::get_num_threads());
}

void warn_of_other_threads(const checkpoint::Checkpoint& checkpoint, torch::Device device) {
  const auto& metadata = checkpoint.file.metadata;
  const auto found = metadata.find(kThreadsKey);
  const auto now = std::to_string(at::get_num_threads());
  if (!device.is_cpu() || found == metadata.end() || found->second == now) return;
  core::log_warning(core::cat(checkpoint.path.string(), ": was computed on ", found->second,
                              " CPU threads and goes on on ", now,
                              ", which round differently; OMP_NUM_THREADS=", found->second,
                              " in the environment keeps to the "
                              "last bit"));
}

}  // namespace vidgen::train
