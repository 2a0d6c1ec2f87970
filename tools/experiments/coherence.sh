#!/usr/bin/env bash
# Does a recurrent path make clips of a GAN of frames hang together? Trains the networks of configs/seed_dcgan_rnn.yaml for as many
# steps on the same moving digits with each frame drawn for itself (frames), with the LSTM (rnn), and with the LSTM, a latent that the
# clip keeps and a discriminator of clips (rnn_clips), and measures the three.
#
# usage: tools/experiments/coherence.sh [OUT] [STEPS]      OUT: runs/coherence, STEPS: 2000 (about eleven minutes on two cores)
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

readonly out=${1:-runs/coherence} steps=${2:-2000}

experiment() { # NAME SETTING...
  local name=$1
  shift
  "$vidgen" train --config configs/seed_dcgan_rnn.yaml --run-dir "$out/$name" "${train_on[@]}" \
    --set train.steps="$steps" "$@"
  "$vidgen" eval --checkpoint "$out/$name" "${measure_with[@]}" --report "$out/$name.html" >"$out/$name.txt"
}

digits 1000 --size 16 --digits 1 --digit-size 10 --speed 1 --color
experiment frames --set model.temporal.type=none --set model.temporal.layers=1
experiment rnn
experiment rnn_clips --set model.temporal.content_dim=50 --set model.temporal.motion_dim=10 \
  --set 'model.discriminators=[{type: frame, frames: 4, widths: [64, 128]}, {type: clip, widths: [64, 128]}]'

for name in frames rnn rnn_clips; do
  printf '\n== %s\n' "$name"
  cat "$out/$name.txt"
done
printf '\nReal clips beside generated ones: %s/{frames,rnn,rnn_clips}.html\n' "$out"
