#include "vidgen/nn/observer.h"

namespace vidgen::nn {

LayerObserver inside(const std::string& submodule, const LayerObserver& observer) {
  if (!observer) return {};
  return [&observer, prefix = submodule + "."](const std::string& name, const auto& layer,
                                               const auto& output) {
    observer(prefix + name, layer, output);
  };
}

}  // namespace vidgen::nn
