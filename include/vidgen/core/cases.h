#pragma once

namespace vidgen::core {

/// What is done for each kind of a variant: std::visit(Cases{[](int) {...}, ...}, variant).
template <class... Functions>
struct Cases : Functions... {
  using Functions::operator()...;
};
template <class... Functions>
Cases(Functions...) -> Cases<Functions...>;

}  // namespace vidgen::core
