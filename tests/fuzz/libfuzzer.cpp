// What tools/fuzz.sh asks of a target that is linked with libFuzzer: to write its seeds, and its
// tokens in the form of a dictionary, into the folder VIDGEN_FUZZ_SEEDS.
#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "fuzz/target.h"

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  const char* folder = std::getenv("VIDGEN_FUZZ_SEEDS");
  if (!folder) return 0;
  const std::filesystem::path place = folder;
  size_t number = 0;
  for (const auto& seed : vidgen::fuzz::seeds()) {
    std::ofstream(place / std::to_string(number++), std::ios::binary) << seed;
  }
  std::ofstream dictionary(place.string() + ".dict");
  for (const auto& token : vidgen::fuzz::tokens()) {
    dictionary << '"';
    for (const char c : token) {
      char text[8];
      std::snprintf(text, sizeof text, "\\x%02x", static_cast<unsigned char>(c));
      dictionary << text;
    }
    dictionary << "\"\n";
  }
  dictionary.close();
  std::_Exit(0);
}
