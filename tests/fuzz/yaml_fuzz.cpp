#include "fuzz/target.h"
#include "vidgen/config/config.h"

// A configuration, as `vidgen config FILE` reads it.
namespace vidgen::fuzz {

std::vector<std::string> seeds() {
  return {config::to_yaml(config::Config()),
          "run_dir: run\n"
          "data: {sources: clip.mp4, size: 16, frames: 10}\n"
          "model:\n"
          "  generator: {widths: &w [8, 8], attention: [16]}\n"
          "  temporal: {content_dim: 4, motion_dim: 2}\n"
          "  discriminators:\n"
          "    - {type: frame, widths: *w}\n"
          "    - {type: clip, widths: [8, 8]}  # twice\n"
          "train: {steps: 2e3, batch_size: 2, precision: float32}\n",
          "a: &a [1, 'b', \"c\\x41\"]\nb: [*a, *a, {c: *a}]\n? d\n: |\n  text\n  more\ne: >-\n  x\n"
          "f: !!str 5\n"};
}

std::vector<std::string> tokens() {
  return {"&a ", "*a",   "<<: ", "- - ", "? ",    ": ",      "!!str ",   "---\n",     "...\n",
          "|\n", ">-\n", "[[[[", "{a: ", "\"\\u", "%YAML 1", "data:\n ", "widths: [", "\t"};
}

}  // namespace vidgen::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace vidgen;
  static const fuzz::MemoryFile file;
  file.set(fuzz::view(data, size));
  fuzz::expect_answer([] { config::to_yaml(config::read_config(file.path())); });
  return 0;
}
