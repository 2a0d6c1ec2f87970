#!/usr/bin/env bash
# Runs clang-tidy (.clang-tidy) over the sources that changed since a revision, and fails at what it finds in them.
#
# usage: tools/tidy.sh [BASE]      BASE: a commit, a tag, HEAD~3; HEAD~1 by default, "all" for every source
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

base=${1:-HEAD~1}
if [[ $base == all ]]; then
  changed=$(git ls-files src include)
else
  changed=$(git diff --name-only --diff-filter=d "$base" -- src include)
fi
changed=$(grep -E '\.(cpp|h)$' <<<"$changed" || true)
if [[ -z $changed ]]; then
  echo "tidy: no source has changed since $base"
  exit
fi
# Most of the time goes into LibTorch's headers: sources are read together, as the release build compiles them. Nothing is built.
cmake --preset dev -B build/tidy -DCMAKE_UNITY_BUILD=ON >/dev/null
units=$(grep -oE '"file": "[^"]*/src/[^"]*\.cxx"|"file": "[^"]*/src/[^"]*\.cpp"' build/tidy/compile_commands.json | cut -d'"' -f4)
wanted=()
for unit in $units; do
  parts=$unit
  [[ $unit == *.cxx ]] && parts=$(grep -oE '/(src|include)/[^"]*' "$unit" || true)
  if grep -qF "$changed" <<<"$parts"; then wanted+=("$unit"); fi
done
filter=$(paste -sd'|' <<<"${changed//./\\.}")
printf '%s\0' "${wanted[@]}" | xargs -0 -n 1 -P "$(nproc)" \
  clang-tidy --quiet --warnings-as-errors='*' --header-filter="/($filter)\$" -p build/tidy
