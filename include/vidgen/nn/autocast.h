#pragma once

#include <c10/core/DeviceType.h>
#include <c10/core/ScalarType.h>

namespace vidgen::nn {

/// LibTorch's autocast on (in the given type) or off until the end of the scope. Close it before
/// backward(). The state is per thread, and is put back as it was.
class Autocast {
 public:
  Autocast(c10::DeviceType device, bool enabled, c10::ScalarType type);
  ~Autocast();
  Autocast(const Autocast&) = delete;
  Autocast& operator=(const Autocast&) = delete;

 private:
  const c10::DeviceType device_;
  const bool was_enabled_;
  const c10::ScalarType previous_type_;
};

}  // namespace vidgen::nn
