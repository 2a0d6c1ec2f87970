#include "vidgen/nn/backend.h"

namespace vidgen::nn {

Backend& backend() {
  static Backend instance;
  return instance;
}

}  // namespace vidgen::nn
