#include "vidgen/checkpoint/passes.h"

#include <c10/util/hash.h>

#include <limits>

#include "vidgen/core/files.h"

namespace vidgen::checkpoint {
namespace {

/// Metadata must be UTF-8, which the name of a file need not be.
std::string utf8(const std::string& text) {
  const core::Json tree(text);
  return core::parse_json(tree.dump(-1, ' ', false, core::Json::error_handler_t::replace))
      .get<std::string>();
}

}  // namespace

void add_pass(Checkpoint& checkpoint, const std::string& name, core::Json options) {
  const auto content = core::read_file(checkpoint.path, std::numeric_limits<uint64_t>::max());
  core::Json entry;
  entry["pass"] = name;
  entry["options"] = std::move(options);
  entry["source"] = utf8(checkpoint.path.filename().string());
  entry["source_sha1"] = c10::sha1(content).str();
  checkpoint.passes.push_back(std::move(entry));
  for (const char* key : {"best.step", "best.score"}) checkpoint.file.metadata.erase(key);
}

}  // namespace vidgen::checkpoint
