#!/usr/bin/env bash
# Feeds the parsers random changes of real files, guided by what they reach (libFuzzer), under AddressSanitizer and
# UndefinedBehaviorSanitizer. Stops at an input that crashes, throws what is no vidgen::Error, takes over a second or a gigabyte, and
# keeps it in build/fuzz/inputs/. Inputs that reach something new stay in build/fuzz/corpus/ and are where the next run begins.
#
# usage: tools/fuzz.sh [TARGET [RUNS]]      TARGET: safetensors, metadata, yaml, cache, log, or all (default); RUNS: 1000000
#        tools/fuzz.sh TARGET FILE          runs an input that was kept once more
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly all=(safetensors metadata yaml cache log)
targets=("${1:-all}")
[[ ${targets[0]} == all ]] && targets=("${all[@]}")
runs=${2:-1000000}

command -v clang++ >/dev/null || { echo "fuzz: needs clang: apt-get install clang libclang-rt-14-dev" >&2; exit 1; }
cmake --preset fuzz >/dev/null
cmake --build --preset fuzz --target "${targets[@]/#/vidgen_fuzz_}"

# LibTorch keeps what it allocates at its start.
export ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=0 UBSAN_OPTIONS=print_stacktrace=1 OMP_NUM_THREADS=1
for target in "${targets[@]}"; do
  program=$PWD/build/fuzz/tests/vidgen_fuzz_$target
  corpus=$PWD/build/fuzz/corpus/$target seeds=$PWD/build/fuzz/seeds/$target inputs=$PWD/build/fuzz/inputs/$target
  mkdir -p "$corpus" "$seeds" "$inputs"
  printf '\n=== %s\n' "$target"
  if [[ -f $runs ]]; then "$program" "$runs"; continue; fi
  VIDGEN_FUZZ_SEEDS=$seeds "$program"
  "$program" "$corpus" "$seeds" -runs="$runs" -dict="$seeds.dict" -max_len=65536 -timeout=20 -report_slow_units=1 -rss_limit_mb=1024 -malloc_limit_mb=1024 \
    -artifact_prefix="$inputs/" -print_final_stats=1 -print_funcs=0 -verbosity=0
  # By the clock; on a busy machine most are fast when they run again.
  for unit in "$inputs"/slow-unit-*; do
    [[ -f $unit ]] || continue
    milliseconds=$("$program" "$unit" 2>&1 | sed -n 's/^Executed .* in \([0-9]*\) ms$/\1/p')
    ((milliseconds < 1000)) || { echo "fuzz: $unit takes $milliseconds ms" >&2; exit 1; }
    rm "$unit"
  done
done
