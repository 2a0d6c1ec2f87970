#pragma once

#include <string_view>

namespace vidgen::video {

/// The digits that begin at `place`, without zeros in front: of equal length they sort as numbers
/// do, however large they are.
std::string_view number_in(std::string_view name, size_t place);

}  // namespace vidgen::video
