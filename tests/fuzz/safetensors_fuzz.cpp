#include "fuzz/target.h"
#include "support/temporary_folder.h"
#include "vidgen/checkpoint/checkpoint.h"
#include "vidgen/core/files.h"

namespace vidgen::fuzz {
namespace {

using checkpoint::Checkpoint;

/// A file of three tensors, one of which is stored sparsely.
std::string written(checkpoint::Kind kind) {
  const core::TemporaryFolder folder;
  Checkpoint file;
  file.path = folder / "file.safetensors";
  file.kind = kind;
  file.config = {{"model", {{"class_dim", 4}}}};
  file.file.tensors = {{"generator.a", torch::eye(4)},
                       {"mask.a", torch::eye(4).to(torch::kByte)},
                       {"generator.b", torch::ones({2, 3, 1}, torch::kBFloat16)},
                       {"generator.n", torch::zeros({}, torch::kLong)},
                       {"generator.none", torch::zeros({0, 5})}};
  checkpoint::write_checkpoint(file);
  return core::read_file(file.path, 1 << 20);
}

/// Without checksums, which would refuse whatever is changed: as an older vidgen wrote it.
std::string without_checksums(std::string file) {
  for (size_t at = 0; (at = file.find("vidgen.checksum", at)) != std::string::npos;) file[at] = 'V';
  return file;
}

}  // namespace

std::vector<std::string> seeds() {
  const std::string header = R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})";
  std::string plain(8, '\0');
  plain[0] = static_cast<char>(header.size());
  const auto weights = written(checkpoint::Kind::kWeights);
  return {weights, without_checksums(weights),
          without_checksums(written(checkpoint::Kind::kCheckpoint)),
          plain + header + std::string(8, '\1')};
}

std::vector<std::string> tokens() {
  return {"\"__metadata__\":",
          "\"dtype\":",
          "\"shape\":[",
          "\"data_offsets\":[",
          "\"F64\"",
          "\"F4\"",
          "\"BOOL\"",
          "\"F6_E2M3\"",
          "\"sparse.generator.a.mask\":",
          "9223372036854775807",
          "18446744073709551615"};
}

}  // namespace vidgen::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace vidgen;
  static const fuzz::MemoryFile file;
  file.set(fuzz::view(data, size));
  fuzz::expect_answer([] { checkpoint::read_safetensors_header(file.path()); });
  fuzz::expect_answer([] { checkpoint::read_checkpoint(file.path()); });
  return 0;
}
