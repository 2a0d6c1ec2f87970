#!/usr/bin/env bash
# What do mixed precision and pruning cost, and what do they give? Trains one recipe in float32 and in bfloat16 for as many steps,
# prunes half of the float32 generator's weights, and says of each: speed of training, size, time to render, scores.
#
# usage: tools/experiments/precision.sh [CONFIG] [OUT] [SETTING...]
#        CONFIG: configs/seed_dcgan_rnn.yaml, OUT: runs/precision, SETTING: such as train.steps=500
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

readonly config=${1:-configs/seed_dcgan_rnn.yaml} out=${2:-runs/precision}
shift $(($# < 2 ? $# : 2))
settings=()
for setting in "$@"; do settings+=(--set "$setting"); done
readonly settings vidgen=build/release/vidgen

describe() { # NAME FILE
  printf '\n== %s: %s\n' "$1" "$2"
  printf 'bytes: %s, compressed: %s\n' "$(stat -c %s "$2")" "$(gzip -c "$2" | wc -c)"
  "$vidgen" sample --checkpoint "$2" --out "$out/$1.mp4" --grid 3x3 2>/dev/null
  "$vidgen" eval --checkpoint "$2" --metrics swd,swd_video,ssim,diversity --report "$out/$1.html"
}

mkdir -p "$out"
for precision in float32 bfloat16; do
  "$vidgen" train --config "$config" --run-dir "$out/$precision" ${settings[@]+"${settings[@]}"} --set train.precision="$precision" \
    --set train.log_every=10
done
"$vidgen" prune --checkpoint "$out/float32/weights.safetensors" --out "$out/pruned.safetensors" --sparsity 0.5

for precision in float32 bfloat16; do
  describe "$precision" "$out/$precision/weights.safetensors"
  printf 'training, clips a second at the end: %s\n' \
    "$(tail -n 1 "$out/$precision/log.jsonl" | grep -o '"clips_per_second":[0-9.]*' | cut -d : -f 2)"
done
describe pruned "$out/pruned.safetensors"
