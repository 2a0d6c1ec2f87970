#!/usr/bin/env bash
# What is each choice in configs/tiny32_laptop.yaml worth? Trains it, and then with one of them undone at a time, for as many minutes
# of one core each, with two seeds side by side, and measures all against held-out clips. A training that was stopped goes on.
#
# usage: tools/experiments/ablation.sh [OUT] [MINUTES] [CHANGE...]
#   OUT: runs/ablation; MINUTES: 12 (with all changes about two and a half hours on two cores); CHANGE: the names below, or all
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

readonly out=${1:-runs/ablation} minutes=${2:-12} seeds=(1 2)
readonly vidgen=build/release/vidgen
command -v jq >/dev/null || { echo "ablation.sh: needs jq (Debian: apt install jq)" >&2; exit 1; }

declare -A changes=(
  [recipe]=""
  [painted_anew]="model.generator.warp_at=0"
  [lstm]="model.temporal.type=lstm"
  [no_fold]="model.discriminators[1].fold=1 model.discriminators[1].fold_at=0"
  [eight_frames]="train.frames=8 train.batch_size=24"
  [all_frames]="train.frames=0 train.batch_size=12"
  [few_clips]="train.batch_size=16"
  [spectral]="loss.r1=0 model.discriminators[0].norm=spectral model.discriminators[1].norm=spectral"
  [relativistic]="loss.type=relativistic loss.r2=0.2"
  [no_stddev]="model.discriminators[0].minibatch_stddev=false model.discriminators[1].minibatch_stddev=false"
  [no_decay]="optim.decay=none"
  [augment]="augment.color=1 augment.translation=0.125 augment.target=0.6"
)
names=(recipe painted_anew lstm no_fold eight_frames all_frames few_clips spectral relativistic no_stddev no_decay augment)
if (($# > 2)); then names=("${@:3}"); fi
for name in "${names[@]}"; do
  [[ -v changes[$name] ]] || { echo "ablation.sh: no change is called $name, expected one of: ${!changes[*]}" >&2; exit 1; }
done

digits() { # OUT CLIPS SEED
  [[ -d $1 ]] || "$vidgen" data synth moving-digits --out "$1" --clips "$2" --seed "$3" --size 32 --digits 1 --color
}

measured() { # NAME SEED
  local run=$out/$1-$2 setting settings=()
  [[ -f $run.json ]] && return
  for setting in ${changes[$1]}; do settings+=(--set "$setting"); done
  export OMP_NUM_THREADS=1
  "$vidgen" train --config configs/tiny32_laptop.yaml --run-dir "$run" --resume auto --set data.sources="$out/digits" \
    --set train.minutes="$minutes" --set train.seed="$2" "${settings[@]}"
  "$vidgen" sample --checkpoint "$run" --count 8 --seed 5 --out "$run.png"
  "$vidgen" eval --checkpoint "$run" --data "$out/held_out" --clips 256 --json "$run.json"
}

row() { # NAME SEED
  jq -r --arg name "$1, seed $2" '[$name, .step] + [(.scores[] | select(.name |
    IN("swd", "swd_video", "psnr", "ssim", "motion", "flicker", "diversity")) | .value * 1000 | round / 1000)] | "| " + (map(tostring) | join(" | ")) + " |"' \
    "$out/$1-$2.json"
}

mkdir -p "$out"
digits "$out/digits" 2000 1
digits "$out/held_out" 512 2
for name in "${names[@]}"; do
  jobs=()
  for seed in "${seeds[@]}"; do
    measured "$name" "$seed" >"$out/$name-$seed.log" 2>&1 &
    jobs+=($!)
  done
  for job in "${jobs[@]}"; do wait "$job" || { echo "ablation.sh: failed, see $out/$name-*.log" >&2; exit 1; }; done
  for seed in "${seeds[@]}"; do row "$name" "$seed"; done
done
