#!/usr/bin/env bash
# From nothing to a video: sets up, builds, trains a small generator on a street scene, samples it, makes it smaller, samples
# again. Seven to twenty minutes on two cores; what is done already is not done again.
#
# usage: tools/quickstart.sh [RUN_DIR]      RUN_DIR: runs/quickstart by default
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly run=${1:-runs/quickstart}
readonly vidgen=build/release/vidgen

tools/setup.sh
[[ -e build/release/build.ninja ]] || cmake --preset release >/dev/null
cmake --build --preset release --target vidgen

"$vidgen" train configs/quickstart.yaml --run-dir "$run"
"$vidgen" sample "$run" --out "$run/sample.mp4" --grid 3x3 --frames 48
"$vidgen" sample "$run" --out "$run/sheet.png" --count 6
if [[ ! -e $run/pruned.safetensors ]]; then
  rm -rf "$run/pruned" # of an attempt that was interrupted
  "$vidgen" prune "$run" --out "$run/pruned.safetensors" \
    --method structured --sparsity 0.5 --finetune distill --finetune-steps 100
fi
"$vidgen" sample "$run/pruned.safetensors" --out "$run/pruned.mp4" --grid 3x3 --frames 48

cat <<END

All of it is in $run:
  sample.mp4            nine clips, three times as long as those it was trained on
  sheet.png             six clips, a row each
  pruned.safetensors    a smaller generator, with half of the arithmetic, taught by the first
  pruned.mp4            the same nine clips from it
  weights.safetensors   the generator alone, to ship
  report.html           how it got there: open it in a browser
  samples/, log.jsonl   what that page is made from

What next:
  $vidgen train configs/street64.yaml                                      the same street, for up to 50 minutes
  $vidgen train configs/quickstart.yaml --data FOLDER --run-dir runs/mine     your own videos
  $vidgen sample $run --out more.mp4 --seed 7 --count 4
  $vidgen inspect $run
  $vidgen config --explain
END
