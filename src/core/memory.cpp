#include "vidgen/core/memory.h"

#include <fstream>
#include <string>

namespace vidgen::core {
namespace {

/// A line of /proc/self/status. (The peak that getrusage() gives cannot be reset, and a process
/// inherits it from the one that started it.)
uint64_t status_bytes(const std::string& key) {
  std::ifstream status("/proc/self/status");
  uint64_t kilobytes = 0;
  for (std::string word; status >> word;) {
    if (word != key) continue;
    status >> kilobytes;
    break;
  }
  return kilobytes * 1024;
}

}  // namespace

uint64_t resident_memory_bytes() { return status_bytes("VmRSS:"); }

uint64_t peak_memory_bytes() { return status_bytes("VmHWM:"); }

bool reset_peak_memory() {
  std::ofstream file("/proc/self/clear_refs");
  file << 5;
  file.flush();
  return file.good();
}

}  // namespace vidgen::core
