#!/usr/bin/env bash
# Is a recipe better than the published baseline in the same time? Trains it and MoCoGAN (configs/mocogan64.yaml, batches of 16) side
# by side on the same moving digits, one core and as many minutes each, and measures both against held-out clips.
#
# usage: tools/experiments/baseline.sh [RECIPE] [OUT] [MINUTES]
#   RECIPE: tiny32_laptop (the default) or moving_digits64; OUT: runs/baseline_RECIPE; MINUTES: 50
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
needs_jq

readonly recipe=${1:-tiny32_laptop}
readonly out=${2:-runs/baseline_$recipe} minutes=${3:-50}

baseline=(train.batch_size=16)
case $recipe in
  tiny32_laptop)
    digits 2000 --size 32 --digits 1 --color
    baseline+=(data.size=32 'model.generator.widths=[256,128,64]'
      'model.discriminators[0].widths=[64,128,256]' 'model.discriminators[1].widths=[64,128,256]')
    ;;
  moving_digits64) digits 2000 --size 64 --digits 2 ;;
  *) echo "no comparison for $recipe, expected tiny32_laptop or moving_digits64" >&2; exit 1 ;;
esac

start "$recipe" "$recipe" train.minutes="$minutes"
start mocogan64 mocogan64 train.minutes="$minutes" "${baseline[@]}"
finish
heading
row "$recipe"
row mocogan64
floor_row "$recipe"
printf '\nEight clips of each, a row each: %s/%s.png and %s/mocogan64.png\n' "$out" "$recipe" "$out"
