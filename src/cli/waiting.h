#pragma once

namespace vidgen::cli {

/// Asks the kernel for short turns, so that threads that wait asleep, as ours do (waiting.cpp), are
/// woken at once beside another busy process. (From Linux 6.12 on; before, they are anyway.)
void ask_for_short_time_slices();

}  // namespace vidgen::cli
