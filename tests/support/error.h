#pragma once

#include <string>

#include "vidgen/core/error.h"

namespace vidgen::test {

/// The message of the vidgen::Error that `action` throws; "" when it throws none.
template <class Action>
std::string error_of(Action action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

}  // namespace vidgen::test
