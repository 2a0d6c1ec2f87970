#pragma once

namespace vidgen::core {

/// "0.1.0".
const char* version();

}  // namespace vidgen::core
