#include "vidgen/core/version.h"

#include <torch/csrc/inductor/aoti_torch/c/shim.h>
#include <torch/cuda.h>
#include <torch/version.h>

#include <cstdint>
#include <cstdlib>
#include <string>

#include "commands.h"
#include "vidgen/core/error.h"
#include "vidgen/video/frame.h"

// A LibTorch from before 2.9 has none.
#pragma weak aoti_torch_abi_version

namespace vidgen::cli {
namespace {

// As in TORCH_ABI_VERSION, a byte each from the highest down.
uint64_t loaded_torch() {
  return aoti_torch_abi_version == nullptr ? 0 : ::aoti_torch_abi_version();
}

std::string loaded_torch_text() {
  const uint64_t version = loaded_torch();
  if (version == 0) return "of before 2.9";
  return core::cat(version >> 56, ".", version >> 48 & 0xff, ".", version >> 40 & 0xff);
}

}  // namespace

std::string version_text() {
  const char* cuda =
      !torch::cuda::is_available() ? VIDGEN_WITH_CUDA " (no device)" : VIDGEN_WITH_CUDA;
  return core::cat("vidgen ", core::version(), "\nLibTorch ", loaded_torch_text(), "\nOpenCV ",
                   video::opencv_version(), "\nCUDA ", cuda);
}

void check_torch_version() {
  if (loaded_torch() >> 48 == TORCH_ABI_VERSION >> 48) return;
  if (std::getenv("VIDGEN_ANY_TORCH") != nullptr) return;
  throw Error(core::cat("the LibTorch that was loaded is ", loaded_torch_text(), ", expected ",
                        TORCH_VERSION_MAJOR, ".", TORCH_VERSION_MINOR,
                        ", which vidgen was built with (VIDGEN_ANY_TORCH=1 tries it)"));
}

}  // namespace vidgen::cli
