#!/usr/bin/env bash
# Installs a build, builds the consumer against the installed package, and plays a generator with it. Nothing that is installed may
# hold a path of the machine that built it.
#
# usage: tests/consumer/run.sh BUILD_DIR TORCH_DIR
set -euo pipefail

source_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=$(cd "$1" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cmake --install "$build" --prefix "$work/prefix" >/dev/null
if grep -rnE "$source_dir|$build|$2|/usr/lib|/usr/include" "$work/prefix/lib/cmake" "$work/prefix/bin" \
  || readelf -d "$work/prefix/lib/vidgen/vidgen" | grep -E 'R(UN)?PATH'; then
  echo "consumer: installed files hold paths of this machine" >&2
  exit 1
fi
cmake -S "$source_dir/tests/consumer" -B "$work/build" -G Ninja -DCMAKE_PREFIX_PATH="$work/prefix" -DVIDGEN_TORCH_DIR="$2" >/dev/null
cmake --build "$work/build"
VIDGEN_CACHE="$work/cache" "$work/prefix/bin/vidgen" --torch "$2" --quiet train --config "$source_dir/configs/seed_dcgan_rnn.yaml" \
  --run-dir "$work/run" --set train.steps=1 --set train.batch_size=2 --set train.threads=1 \
  --set data.sources=/usr/share/doc/opencv-doc/examples/data/Megamind.avi
[[ $("$work/build/consumer" "$work/run/weights.safetensors") == "[2, 16, 16, 16, 3]" ]]
