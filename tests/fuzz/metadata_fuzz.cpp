#include <array>

#include "fuzz/target.h"
#include "vidgen/checkpoint/checkpoint.h"
#include "vidgen/checkpoint/safetensors.h"
#include "vidgen/config/yaml.h"
#include "vidgen/train/options.h"

// Metadata of a checkpoint: configuration, clip and passes as JSON, with NULs between them.
namespace vidgen::fuzz {
namespace {

constexpr std::array<const char*, 3> kKeys{"config", "clip", "vidgen.passes"};

/// A file without tensors that has them.
std::string file_of(std::string_view parts) {
  core::Json metadata{{"vidgen.format", "1"},
                      {"vidgen.version", "0.1.0"},
                      {"vidgen.kind", "weights"},
                      {"step", "7"}};
  for (const char* key : kKeys) {
    const size_t end = parts.find('\0');
    metadata[key] = std::string(parts.substr(0, end));
    parts = end == std::string_view::npos ? "" : parts.substr(end + 1);
  }
  const std::string header = core::Json{{"__metadata__", metadata}}.dump(
      -1, ' ', false, core::Json::error_handler_t::replace);
  std::string file;
  for (int i = 0; i < 8; ++i) file += static_cast<char>(header.size() >> (8 * i));
  return file + header;
}

}  // namespace

std::vector<std::string> seeds() {
  train::RunOptions options;
  options.data.sources = {{"clips", 1}, {"more", 2}};
  options.model.class_names = {"cats", "dogs"};
  const std::string clip = core::write_fields(models::ClipShape()).dump();
  const std::string pass =
      R"([{"pass":"prune","options":{"sparsity":0.5},"source":"a.safetensors","source_sha1":"00"}])";
  const std::string nul(1, '\0');
  return {
      core::write_fields(options).dump() + nul + clip + nul + pass,
      core::Json{{"model", core::write_fields(options.model)}}.dump() + nul + clip + nul + "[]"};
}

std::vector<std::string> tokens() {
  return {R"("model":{)",
          R"("widths":[)",
          R"("class_names":[)",
          R"("sources":[)",
          "[[[[[[[[",
          R"({"a":{"a":)",
          R"("\ud800")",
          "1e999",
          "NaN",
          "-0"};
}

}  // namespace vidgen::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace vidgen;
  static const fuzz::MemoryFile file;
  file.set(fuzz::file_of(fuzz::view(data, size)));
  fuzz::expect_answer([] {
    const auto stored = checkpoint::read_description(file.path());
    // What is done with it: copies, text, options.
    const auto copy = stored;
    config::write_yaml(copy.config);
    fuzz::expect_answer([&stored] { checkpoint::model_options(stored); });
    train::RunOptions options;
    stored.read_options(stored.config, options);
  });
  return 0;
}
