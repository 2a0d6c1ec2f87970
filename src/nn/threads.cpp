#include "vidgen/nn/threads.h"

#include <ATen/Parallel.h>
#include <omp.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <vector>

#include "vidgen/core/resources.h"

namespace vidgen::nn {
namespace {

// Threads were found to end within a scope. As the number of an OpenMP region's threads follows the
// sizes of what is computed, they would do so in each.
std::atomic<bool> threads_come_and_go{false};

// This thread has been put onto a CPU of its own by the scope that is open.
thread_local bool has_place = false;

// Those of the set, the one that we are on first.
std::vector<int> list_of(const cpu_set_t& set) {
  std::vector<int> cpus;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
    if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
  const auto here = std::find(cpus.begin(), cpus.end(), ::sched_getcpu());
  if (here != cpus.end()) std::iter_swap(cpus.begin(), here);
  return cpus;
}

void run_on(const cpu_set_t& cpus) { ::sched_setaffinity(0, sizeof cpus, &cpus); }

void run_on(int cpu) {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(cpu, &one);
  run_on(one);
}

}  // namespace

void set_up_threads(int64_t count) {
  if (count > 0) {
    at::set_num_threads(static_cast<int>(count));
  } else if (!std::getenv("OMP_NUM_THREADS") && !std::getenv("MKL_NUM_THREADS")) {
    const int usable = core::usable_cpus();
    if (usable < at::get_num_threads()) at::set_num_threads(usable);
  }
}

ThreadsApart::ThreadsApart(bool wanted) {
  const int threads = omp_get_max_threads();
  if (!wanted || threads < 2 || threads_come_and_go || omp_in_parallel() ||
      omp_get_proc_bind() != omp_proc_bind_false)
    return;
  if (::sched_getaffinity(0, sizeof before_, &before_) != 0 || CPU_COUNT(&before_) != threads)
    return;
  apart_ = true;
  const auto cpus = list_of(before_);
#pragma omp parallel num_threads(threads)
  {
    run_on(cpus[omp_get_thread_num()]);
    has_place = true;
  }
}

ThreadsApart::~ThreadsApart() {
  if (!apart_) return;
#pragma omp parallel num_threads(CPU_COUNT(&before_))
  {
    if (!has_place) threads_come_and_go = true;
    has_place = false;
    run_on(before_);
  }
}

}  // namespace vidgen::nn
