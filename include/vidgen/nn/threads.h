#pragma once

#include <sched.h>

#include <cstdint>

namespace vidgen::nn {

/// LibTorch computes with `count` threads from now on; 0 leaves it its own number, which is that of
/// $OMP_NUM_THREADS or $MKL_NUM_THREADS if set, and else at most core::usable_cpus().
void set_up_threads(int64_t count);

/// For as long as it lives, where the calling thread computes with as many threads as there are
/// CPUs for it, each has one of them to itself as far as the process is concerned.
///
/// They wait for each other many times a millisecond, some within oneDNN, where nothing but a
/// spinning loop waits. Beside another busy process the kernel puts two of them on one CPU time and
/// again, and the one spins until its time is up, while the other, which it waits for, cannot run.
///
/// Does nothing with fewer threads than CPUs, where two trainings would take the same ones, with
/// OpenMP's own binding ($OMP_PROC_BIND, $OMP_PLACES), or when threads end and others begin
/// meanwhile: those would all be where the calling thread is.
class ThreadsApart {
 public:
  /// Does nothing unless wanted.
  explicit ThreadsApart(bool wanted);
  ~ThreadsApart();
  ThreadsApart(const ThreadsApart&) = delete;
  ThreadsApart& operator=(const ThreadsApart&) = delete;

 private:
  bool apart_ = false;
  cpu_set_t before_;
};

}  // namespace vidgen::nn
