#include "vidgen/nn/autocast.h"

#include <ATen/autocast_mode.h>

namespace vidgen::nn {

Autocast::Autocast(c10::DeviceType device, bool enabled, c10::ScalarType type)
    : device_(device),
      was_enabled_(at::autocast::is_autocast_enabled(device_)),
      previous_type_(at::autocast::get_autocast_dtype(device_)) {
  at::autocast::increment_nesting();
  at::autocast::set_autocast_enabled(device_, enabled);
  if (enabled) at::autocast::set_autocast_dtype(device_, type);
}

Autocast::~Autocast() {
  // The cache holds weights in the low precision; they are stale once the optimiser has moved.
  if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
  at::autocast::set_autocast_enabled(device_, was_enabled_);
  at::autocast::set_autocast_dtype(device_, previous_type_);
}

}  // namespace vidgen::nn
