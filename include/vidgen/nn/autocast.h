#pragma once

#include <ATen/autocast_mode.h>
#include <torch/types.h>

namespace vidgen::nn {

/// LibTorch's autocast on (in the given type) or off until the end of the scope. Close it before
/// backward(). The state is per thread, and is put back as it was.
class Autocast {
 public:
  Autocast(c10::DeviceType device, bool enabled, c10::ScalarType type) : device_(device) {
    at::autocast::increment_nesting();
    at::autocast::set_autocast_enabled(device, enabled);
    if (enabled) at::autocast::set_autocast_dtype(device, type);
  }
  ~Autocast() {
    // The cache holds weights in the low precision; they are stale once the optimiser has moved.
    if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
    at::autocast::set_autocast_enabled(device_, was_enabled_);
    at::autocast::set_autocast_dtype(device_, previous_type_);
  }
  Autocast(const Autocast&) = delete;
  Autocast& operator=(const Autocast&) = delete;

 private:
  const c10::DeviceType device_;
  const bool was_enabled_ = at::autocast::is_autocast_enabled(device_);
  const c10::ScalarType previous_type_ = at::autocast::get_autocast_dtype(device_);
};

/// x in the type that autocast, if it is on, would give it before each convolution: once instead.
inline torch::Tensor autocast_type(const torch::Tensor& x) {
  const auto device = x.device().type();
  return at::autocast::is_autocast_enabled(device) ? x.to(at::autocast::get_autocast_dtype(device))
                                                   : x;
}

}  // namespace vidgen::nn
