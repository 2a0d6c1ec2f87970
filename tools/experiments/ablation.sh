#!/usr/bin/env bash
# What is each choice in configs/tiny32_laptop.yaml worth? Trains it, and then with one of them undone at a time, for as many minutes
# of one core each, with two seeds side by side, and measures all against held-out clips. A training that was stopped goes on.
#
# usage: tools/experiments/ablation.sh [OUT] [MINUTES] [CHANGE...]
#   OUT: runs/ablation; MINUTES: 12 (with all changes about two and a half hours on two cores); CHANGE: the names below, or all
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
needs_jq

readonly out=${1:-runs/ablation} minutes=${2:-12}

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
  [[ -v changes[$name] ]] || { echo "no change is called $name, expected one of: ${!changes[*]}" >&2; exit 1; }
done

digits 2000 --size 32 --digits 1 --color
heading
for name in "${names[@]}"; do
  # shellcheck disable=SC2086
  for seed in 1 2; do start "$name-$seed" tiny32_laptop train.minutes="$minutes" train.seed="$seed" ${changes[$name]}; done
  finish
  row "$name-1"
  row "$name-2"
done
floor_row "$name-1"
