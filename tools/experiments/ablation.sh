#!/usr/bin/env bash
# What is each choice in a recipe worth? Trains it, and then with one of its choices undone at a time, for as many minutes of one core
# each, with two seeds side by side, and measures all against real clips. A training that was stopped goes on.
#
# usage: tools/experiments/ablation.sh [RECIPE] [OUT] [MINUTES] [CHANGE...]
#   RECIPE: tiny32_laptop (the default), moving_digits64, street64 or vidgen64; OUT: runs/ablation_RECIPE; MINUTES: 12 (each change
#   takes two minutes more than that); CHANGE: names from the recipe's list below, or all
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
needs_jq

readonly recipe=${1:-tiny32_laptop}
readonly out=${2:-runs/ablation_$recipe} minutes=${3:-12}

# What it learns from, if not its own videos; then a change a line: its name, and the settings that undo a choice.
moving_digits=()
case $recipe in
  tiny32_laptop)
    moving_digits=(2000 --size 32 --digits 1 --color)
    changes='recipe
      painted_anew model.generator.warp_resolution=0
      lstm model.temporal.type=lstm
      no_fold model.discriminators[1].frame_stack=1 model.discriminators[1].frame_stack_resolution=0
      eight_frames train.frames=8 train.batch_size=24
      all_frames train.frames=0 train.batch_size=12
      few_clips train.batch_size=16
      spectral loss.r1=0 model.discriminators[0].norm=spectral model.discriminators[1].norm=spectral
      relativistic loss.type=relativistic loss.r2=0.2
      no_stddev model.discriminators[0].minibatch_stddev=false model.discriminators[1].minibatch_stddev=false
      no_decay optim.decay=none
      augment augment.color=1 augment.translation=0.125 augment.target=0.6'
    ;;
  moving_digits64)
    moving_digits=(2000 --size 64 --digits 2)
    changes='recipe
      one_picture model.generator.slots=1 model.generator.warp_groups=2
      painted_anew model.generator.slots=1 model.generator.warp_resolution=0
      lstm model.temporal.type=lstm
      no_fold model.discriminators[1].frame_stack=1 model.discriminators[1].frame_stack_resolution=0
      eight_frames train.frames=8 train.batch_size=16
      weak_r1 loss.r1=0.1
      spectral loss.r1=0 model.discriminators[0].norm=spectral model.discriminators[1].norm=spectral'
    ;;
  street64)
    changes='recipe
      one_picture model.generator.slots=1 model.generator.warp_groups=8 model.generator.warp_still=2
      all_move model.generator.warp_still=0
      no_fade model.generator.warp_fade=false
      no_augment augment.color=0 augment.translation=0
      always_augment augment.probability=1
      late_fold model.discriminators[1].frame_stack_resolution=8
      weak_r1 loss.r1=0.1
      lstm model.temporal.type=lstm'
    ;;
  vidgen64)
    moving_digits=(2000 --size 64 --digits 2)
    changes='recipe
      one_picture model.generator.slots=1
      one_group model.generator.warp_groups=1 model.generator.warp_still=0 model.generator.warp_fade=false
      no_fade model.generator.warp_fade=false
      no_augment augment.color=0 augment.translation=0 augment.target=0
      eight_frames train.frames=8 train.batch_size=8
      weak_r1 loss.r1=0.1
      lstm model.temporal.type=lstm'
    ;;
  *) echo "no list of changes for $recipe, expected tiny32_laptop, moving_digits64, street64 or vidgen64" >&2; exit 1 ;;
esac

settings_of() { # NAME
  awk -v name="$1" '$1 == name { $1 = ""; print; found = 1 } END { exit !found }' <<<"$changes"
}
names=("${@:4}")
if ((!${#names[@]})); then mapfile -t names < <(awk '{ print $1 }' <<<"$changes"); fi
for name in "${names[@]}"; do
  settings_of "$name" >/dev/null ||
    { echo "no change of $recipe is called $name, expected one of:" $(awk '{ print $1 }' <<<"$changes") >&2; exit 1; }
done

if ((${#moving_digits[@]})); then digits "${moving_digits[@]}"; fi
heading
for name in "${names[@]}"; do
  read -ra settings <<<"$(settings_of "$name")"
  for seed in 1 2; do start "$name-$seed" "$recipe" train.minutes="$minutes" train.seed="$seed" "${settings[@]}"; done
  finish
  row "$name-1"
  row "$name-2"
done
floor_row "$name-1"
