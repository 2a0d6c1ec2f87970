#include "vidgen/core/version.h"

namespace vidgen::core {

const char* version() { return VIDGEN_VERSION; }

}  // namespace vidgen::core
