#!/usr/bin/env bash
# Builds what people without a compiler install: build/PRESET/package/ gets vidgen-VERSION-linux-MACHINE.tar.gz, which brings every
# library but LibTorch's and glibc's, and a .deb, which depends on Debian's (doc/packages.md).
#
# usage: tools/package.sh [PRESET]      PRESET: release (default) or cuda
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

preset=${1:-release}
if [[ $preset == cuda ]]; then tools/setup.sh --cuda; else tools/setup.sh; fi
cmake --preset "$preset" >/dev/null
cmake --build --preset "$preset" --target vidgen
rm -rf "build/$preset/package"
(cd "build/$preset" && cpack >package.log) || { cat "build/$preset/package.log" >&2; exit 1; }
rm -rf "build/$preset/package/_CPack_Packages"
ls -l "build/$preset/package"
