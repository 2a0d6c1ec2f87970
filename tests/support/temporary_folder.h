#pragma once

#include "vidgen/core/files.h"

namespace vidgen::test {

using core::TemporaryFolder;

}  // namespace vidgen::test
