#!/usr/bin/env bash
# Sets up what is missing, builds, and runs every test.
#
# usage: tools/test.sh [PRESET [CTEST OPTION...]]      PRESET: release (default), dev, asan, tsan, cuda
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

preset=${1:-release}
[[ $# -eq 0 ]] || shift
if [[ $preset == cuda ]]; then tools/setup.sh --cuda; else tools/setup.sh; fi
cmake --preset "$preset" >/dev/null
cmake --build --preset "$preset"
ctest --preset "$preset" "$@"
