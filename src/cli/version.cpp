#include "vidgen/core/version.h"

#include <torch/cuda.h>
#include <torch/version.h>

#include "commands.h"
#include "vidgen/core/error.h"
#include "vidgen/video/version.h"

namespace vidgen::cli {

std::string version_text() {
  const char* cuda =
      !torch::cuda::is_available() ? VIDGEN_WITH_CUDA " (no device)" : VIDGEN_WITH_CUDA;
  return core::cat("vidgen ", core::version(), "\nLibTorch ", TORCH_VERSION, "\nOpenCV ",
                   video::opencv_version(), "\nCUDA ", cuda);
}

}  // namespace vidgen::cli
