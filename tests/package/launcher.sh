#!/usr/bin/env bash
# What the installed bin/vidgen takes for LibTorch, and what it says where there is none: with folders that look like LibTorch,
# and a program that only says how it was started.
#
# usage: tests/package/launcher.sh LAUNCHER VERSION      VERSION of LibTorch, as 2.11
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root="$work/an odd place"
mkdir -p "$root/bin" "$root/lib/vidgen" "$work/home" "$work/path"
cp "$1" "$root/bin/vidgen"
printf '#!/bin/sh\necho "${LD_LIBRARY_PATH%%%%:*}" "$@"\n' >"$root/lib/vidgen/vidgen"
chmod +x "$root/lib/vidgen/vidgen"
ln -s "$root/bin/vidgen" "$work/path/vidgen"

# torch DIR VERSION: a folder that looks like the torch of a Python installation.
torch() {
  mkdir -p "$1/lib"
  touch "$1/lib/libtorch_cpu.so" "$1/__init__.py"
  printf "from typing import Optional\n__version__ = '%s'\n" "$2" >"$1/version.py"
}
torch "$work/a torch" "$2.0+cpu"
torch "$work/other" 2.3.1+cu121
torch "$work/python/torch" "$2.1"
torch "$work/old/torch" 2.3.1

run() { env -i PATH="$PATH" HOME="$work/home" "${settings[@]}" "$work/path/vidgen" "$@" 2>&1; }
# expect CODE TEXT ARGUMENT...: the exit code, and what the output has to hold.
expect() {
  local code=0 output
  output=$(run "${@:3}") || code=$?
  [[ $code == "$1" && $output == *"$2"* && $(wc -l <<<"$output") == 1 ]] && return
  printf 'launcher: vidgen %s: exit code %s and "%s", expected %s and "%s"\n' "${*:3}" "$code" "$output" "$1" "$2" >&2
  exit 1
}

settings=(PYTHONNOUSERSITE=1)
expect 0 "$work/a torch/lib sample --out --torch" --torch "$work/a torch" sample --out --torch
expect 0 "$work/a torch/lib inspect" --torch="$work/a torch" inspect
expect 2 "--torch: no LibTorch in $work, expected a folder with lib/libtorch_cpu.so" --torch "$work"
expect 2 "--torch: the LibTorch in $work/other is version 2.3.1, expected $2 (VIDGEN_ANY_TORCH=1 tries it)" --torch "$work/other"
expect 2 "--torch needs the folder of a LibTorch" --torch
settings=(VIDGEN_TORCH_DIR="$work/a torch")
expect 0 "$work/a torch/lib a b" a b
settings=(VIDGEN_TORCH_DIR="$work/other")
expect 2 "VIDGEN_TORCH_DIR: the LibTorch in $work/other is version 2.3.1" a
expect 0 "$work/a torch/lib a" --torch "$work/a torch" a
settings=(VIDGEN_TORCH_DIR="$work/other" VIDGEN_ANY_TORCH=1)
expect 0 "$work/other/lib a" a
settings=(PYTHONPATH="$work/python")
expect 0 "$work/python/torch/lib a" a
settings=(PYTHONPATH="$work/old")
expect 2 "no LibTorch $2 found, but 2.3.1 in $work/old/torch: pip install 'torch==$2.*'" a
torch "$work/libtorch" "$2.0"
expect 0 "$work/libtorch/lib a" a
