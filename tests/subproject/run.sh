#!/usr/bin/env bash
# Builds vidgen's lowest module inside another project, whose flags, warnings, tests and installation stay its own.
#
# usage: tests/subproject/run.sh TORCH_DIR
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { printf 'subproject: %s\n' "$*" >&2; exit 1; }

cmake -S "$here" -B "$work/build" -G Ninja -DVIDGEN_SOURCE="$here/../.." -DVIDGEN_TORCH_DIR="$1" -DCMAKE_UNITY_BUILD=ON \
  -DCMAKE_EXPORT_COMPILE_COMMANDS=ON -DCMAKE_BUILD_TYPE=MinSizeRel -DCMAKE_CXX_FLAGS_MINSIZEREL="-Os -DOURS" >/dev/null
cmake --build "$work/build" --target game
[[ $("$work/build/game") =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]] || fail "the program does not say vidgen's version"

commands=$work/build/compile_commands.json
! grep -qE -- '-Wall|-Werror' "$commands" || fail "vidgen's warnings are on"
! grep '"command"' "$commands" | grep -v -- '-Os -DOURS' || fail "not everything is compiled with the project's flags"
! grep -q '_test\.cpp' "$commands" || fail "vidgen's tests are built"
cmake --install "$work/build" --prefix "$work/prefix" >/dev/null
[[ $(find "$work/prefix" -type f) == "$work/prefix/bin/game" ]] || fail "vidgen is installed too"
