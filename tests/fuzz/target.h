#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "vidgen/core/error.h"

/// What a fuzzer is made of. Each target is a file *_fuzz.cpp that defines LLVMFuzzerTestOneInput()
/// and seeds(); it is linked with libFuzzer (tools/fuzz.sh), or with standalone.cpp.
namespace vidgen::fuzz {

/// Inputs as vidgen writes them, which are then changed at random.
std::vector<std::string> seeds();

/// Pieces that stand in the inputs of some format, to be put in anywhere.
std::vector<std::string> tokens();

/// A file that is in memory only, for readers that want a name.
class MemoryFile {
 public:
  MemoryFile() : descriptor_(::memfd_create("vidgen-fuzz", MFD_CLOEXEC)) {
    if (descriptor_ < 0) throw std::runtime_error("memfd_create failed");
  }
  ~MemoryFile() { ::close(descriptor_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  std::filesystem::path path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }
  void set(std::string_view content) const {
    const bool good = ::ftruncate(descriptor_, 0) == 0 &&
                      ::pwrite(descriptor_, content.data(), content.size(), 0) ==
                          static_cast<ssize_t>(content.size());
    if (!good) throw std::runtime_error("cannot write the input");
  }

 private:
  int descriptor_;
};

/// Runs a reader, which may refuse the input in one sentence. What else it throws is a fault.
template <class Read>
void expect_answer(Read read) {
  try {
    read();
  } catch (const Error&) {
  }
}

inline std::string_view view(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

}  // namespace vidgen::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
