#!/usr/bin/env bash
# Has this working tree become faster or slower? Builds another revision beside it and times training steps of both,
# alternately in one run, each with its own copy of the recipe. Clips a second: more is better.
#
# usage: tools/bench_compare.sh BASE [CONFIG [--set KEY=VALUE]...]      BASE: a commit, a tag, HEAD~3
#        ROUNDS=3 STEPS=8 tools/bench_compare.sh ...                    how much is timed
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
[[ $# -ge 1 ]] || { sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 2; }

base=$(git rev-parse --verify --quiet "$1^{commit}") || { echo "no revision $1 in this repository" >&2; exit 2; }
config=${2:-configs/quickstart.yaml}
shift $(($# < 2 ? $# : 2))
readonly rounds=${ROUNDS:-3} steps=${STEPS:-8}
readonly other=build/base-$base
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

[[ -d $other/source ]] || { mkdir -p "$other/source" && git archive "$base" | tar -x -C "$other/source"; }
cmake --preset release >/dev/null && cmake --build --preset release --target vidgen
base_config=$other/source/$config
[[ -e $base_config ]] || base_config=$config
(cd "$other/source" && cmake --preset release >/dev/null && cmake --build --preset release --target vidgen)

# time_steps NAME PROGRAM CONFIG OPTION...: appends the speed of each step but the first, which warms up.
time_steps() {
  local run=$scratch/run
  rm -rf "$run"
  "$2" --quiet train --config "$3" "${@:4}" --run-dir "$run" --set train.steps=$((steps + 1)) \
    --set train.log_every=1 --set train.sample_every=0
  sed -n 's/.*"clips_per_second":\([0-9.e+-]*\).*/\1/p' "$run/log.jsonl" | tail -n +2 >>"$scratch/$1"
}
for ((round = 0; round < rounds; ++round)); do
  time_steps base "$other/source/build/release/vidgen" "$base_config" "$@"
  time_steps here build/release/vidgen "$config" "$@"
done

median() { sort -g "$scratch/$1" | awk '{v[NR] = $1} END {print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2}'; }
awk -v base="$(median base)" -v here="$(median here)" -v name="${base:0:10}" -v config="$config" -v runs=$((rounds * steps)) \
  'BEGIN {printf "%s, medians of %d steps: %s %.2f clips/s, here %.2f clips/s, ratio %.3f\n", config, runs, name, base, here, here / base}'
