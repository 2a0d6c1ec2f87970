#!/usr/bin/env bash
# Fails when a module includes a header of its own level's other modules or of a higher level, or a third-party library
# that another module owns. The levels are those of doc/architecture.md.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

declare -Ar level=([core]=0 [video]=1 [graph]=1 [kernels]=1 [nn]=2 [losses]=2 [metrics]=2 [report]=2 [models]=3 [data]=4 [checkpoint]=4
  [infer]=5 [train]=5 [export]=6 [compress]=6 [bench]=6 [config]=7)
# What the include line of a library begins with, and the modules that may have it.
declare -Ar owner=(["spdlog/"]=core ["nlohmann/"]=core ["xxh"]=core ["opencv2/"]=video ["libav"]=video ["libsw"]=video ["webp/"]=video ["dcmtk/"]=video
  ["protozero/"]="report export" ["yaml-cpp/"]=config ["CLI/"]=cli)
failures=0
complain() { printf '%s\n' "$1" >&2; failures=$((failures + 1)); }

for module in "${!level[@]}"; do
  while IFS=: read -r file line include; do
    name=$(sed -E 's/.*[<"]([^>"]+)[>"].*/\1/' <<<"$include")
    if [[ $name == vidgen/* ]]; then
      other=${name#vidgen/}
      other=${other%%/*}
      [[ $other == "$module" ]] && continue
      [[ -n ${level[$other]:-} ]] || { complain "$file:$line: unknown module $other"; continue; }
      ((level[$other] < level[$module])) || complain "$file:$line: $module (level ${level[$module]}) includes $other (level ${level[$other]})"
    fi
    for library in "${!owner[@]}"; do
      [[ $name != "$library"* || " ${owner[$library]} " == *" $module "* ]] \
        || complain "$file:$line: $name belongs to ${owner[$library]}"
    done
  done < <(grep -rnE '^ *# *include' "src/$module" "include/vidgen/$module")
done

# JSON of any origin is parsed in one place, which limits it.
while IFS=: read -r file line _; do
  complain "$file:$line: parse JSON with core::parse_json()"
done < <(grep -rnE '[Jj]son::(parse|accept)\(' src include)

# Every module in the sources is one of the list.
for folder in src/*/; do
  module=$(basename "$folder")
  [[ $module == cli || -n ${level[$module]:-} ]] || complain "src/$module: not in the list of levels"
done
((failures == 0)) || exit 1
