#pragma once

/// What the program says of exceptions that nobody caught.
namespace vidgen::cli {

/// To be called once, at the start: an exception that can go nowhere (out of a thread, or of a
/// region of OpenMP) is explained as explain_exception() does and ends the process with its code,
/// instead of an abort. So does a library that crashes where the address space is used up, or that
/// ends the process where it can start no thread. Keeps some memory back for that.
void explain_lost_exceptions();

/// The command that is run, by its name: what to lower when memory runs out depends on it.
void set_command(const char* name);

/// Says in one line on stderr what the exception that is being handled means, and returns the exit
/// code: 2 for what the user can put right, which no memory or no more threads are as well, 1 for a
/// fault of our own.
int explain_exception();

}  // namespace vidgen::cli
