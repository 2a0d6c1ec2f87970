#pragma once

namespace vidgen::core {

/// Turns SIGINT and SIGTERM into a request to stop that a loop reads between two steps; a second
/// SIGINT ends the process at once with 130. For the whole process: call once, from the program.
void catch_interrupts();
/// Whether a stop was asked for since catch_interrupts().
bool interrupted();

}  // namespace vidgen::core
