#pragma once

#include <exception>

/// How a process is ended, and asked to end.
namespace vidgen::core {

/// What the program returns when it stopped before the end because it was asked to, with its state
/// saved: EX_TEMPFAIL of sysexits.h, "try again". The same command goes on then.
constexpr int kStoppedExitCode = 75;

/// Work that stopped because the process was asked to.
class Stopped : public std::exception {
 public:
  const char* what() const noexcept override { return "stopped"; }
};

/// For the program, once, before there are other threads: makes the standard descriptors that are
/// closed, so that no file takes their numbers; lets writes to pipes and files that cannot take
/// more fail instead of ending the process; and has a thread wait for the signals that end one.
/// They delete the temporary files first, until catch_interrupts(). SIGHUP stays ignored if it is.
void handle_signals();

/// From now on SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGXCPU, SIGALRM and SIGUSR2 are a request to stop
/// that a loop reads between two steps, and SIGUSR1 one to save. A SIGINT behind another request
/// ends the process at once. Calls handle_signals() if nobody did.
void catch_interrupts();
/// Whether a stop was asked for since catch_interrupts().
bool interrupted();
/// Throws Stopped when interrupted().
void stop_if_interrupted();
/// Whether to save was asked for since the last call.
bool take_save_request();

}  // namespace vidgen::core
