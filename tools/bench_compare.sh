#!/usr/bin/env bash
# Has this working tree become faster or slower? Builds another revision beside it and trains with both, each with its own copy of
# the recipe: one goes on for some seconds while the other is stopped, then the other, so that both meet the same noise. Clips a
# second of the steps that were not interrupted: more is better.
#
# usage: tools/bench_compare.sh BASE [CONFIG [--set KEY=VALUE]...]      BASE: a commit, a tag, HEAD~3
#        TURNS=20 SECONDS_A_TURN=3 tools/bench_compare.sh ...           how much is timed; a turn needs several steps
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
[[ $# -ge 1 ]] || { sed -n '2,8s/^# \{0,1\}//p' "$0" >&2; exit 2; }

base=$(git rev-parse --verify --quiet "$1^{commit}") || { echo "no revision $1 in this repository" >&2; exit 2; }
config=${2:-configs/quickstart.yaml}
shift $(($# < 2 ? $# : 2))
readonly turns=${TURNS:-20} seconds=${SECONDS_A_TURN:-3}
readonly other=build/base-$base/source
scratch=$(mktemp -d)
declare -A process=()
trap 'kill -KILL "${process[@]}" 2>/dev/null || true; rm -rf "$scratch"' EXIT

[[ -d $other ]] || { mkdir -p "$other" && git archive "$base" | tar -x -C "$other"; }
cmake --preset release >/dev/null && cmake --build --preset release --target vidgen
(cd "$other" && cmake --preset release >/dev/null && cmake --build --preset release --target vidgen)
base_config=$other/$config
[[ -e $base_config ]] || base_config=$config

steps() { if [[ -e $scratch/$1/log.jsonl ]]; then wc -l <"$scratch/$1/log.jsonl"; else echo 0; fi; }

# start NAME PROGRAM CONFIG OPTION...: trains until two steps are done, which warm up, and stops there.
start() {
  local name=$1
  "$2" --quiet train --config "$3" "${@:4}" --run-dir "$scratch/$name" --set train.steps=1000000 --set train.minutes=0 \
    --set train.log_every=1 --set train.sample_every=0 --set train.evaluate.every=0 --set train.checkpoint_every=1000000 \
    2>"$scratch/$name.err" &
  process[$name]=$!
  disown
  while (($(steps "$name") < 2)); do
    kill -0 "${process[$name]}" 2>/dev/null || { cat "$scratch/$name.err" >&2; exit 1; }
    sleep 0.2
  done
  kill -STOP "${process[$name]}"
}
turn() {
  local before
  before=$(steps "$1")
  kill -CONT "${process[$1]}"
  sleep "$seconds"
  kill -STOP "${process[$1]}"
  # The first step was interrupted.
  tail -n +$((before + 2)) "$scratch/$1/log.jsonl" | sed -n 's/.*"clips_per_second":\([0-9.e+-]*\).*/\1/p' >>"$scratch/$1.speeds"
}

start base "$other/build/release/vidgen" "$base_config" "$@"
start here build/release/vidgen "$config" "$@"
for ((i = 0; i < turns; ++i)); do
  if ((i % 2)); then turn base && turn here; else turn here && turn base; fi
done

median() { sort -g "$scratch/$1.speeds" | awk '{v[NR] = $1} END {print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2}'; }
counted() { wc -l <"$scratch/$1.speeds"; }
awk -v base="$(median base)" -v here="$(median here)" -v name="${base:0:10}" -v config="$config" -v counts="$(counted base) and $(counted here)" \
  'BEGIN {printf "%s, medians of %s steps: %s %.2f clips/s, here %.2f clips/s, ratio %.3f\n", config, counts, name, base, here, here / base}'
