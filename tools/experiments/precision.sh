#!/usr/bin/env bash
# What do mixed precision and pruning cost, and what do they give? Trains configs/tiny32_laptop.yaml in float32 and in bfloat16 for
# as many steps on the same moving digits, takes half of the float32 generator's weights away, and says of each: speed of training,
# size, time to render, distances to held-out clips.
#
# usage: tools/experiments/precision.sh [OUT] [STEPS]      OUT: runs/precision, STEPS: 1500 (about ten minutes on two cores)
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

readonly out=${1:-runs/precision} steps=${2:-1500}

digits 2000 --size 32 --digits 1 --color
for precision in float32 bfloat16; do
  "$vidgen" train --config configs/tiny32_laptop.yaml --run-dir "$out/$precision" "${train_on[@]}" \
    --set train.precision="$precision" --set train.steps="$steps" --set train.minutes=0
done
"$vidgen" prune --checkpoint "$out/float32/weights.safetensors" --out "$out/pruned.safetensors" --sparsity 0.5

printf '\n'
for precision in float32 bfloat16; do
  printf 'training in %s, clips a second at the end: %s\n' "$precision" \
    "$(tail -n 1 "$out/$precision/log.jsonl" | grep -o '"clips_per_second":[0-9.]*' | cut -d : -f 2)"
done
"$vidgen" compare "$out/float32" "$out/bfloat16" "$out/pruned.safetensors" "${measure_with[@]}" --clips 256 --out "$out/compare"
