# What the experiments share. Sourced by them; they set $out, the folder for all that comes of them.
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
readonly vidgen=build/release/vidgen

# What to train on and to measure with: the recipe's own videos, unless digits are made.
train_on=() measure_with=()

# Moving digits to train on, and others to measure with.
digits() { # CLIPS OPTION...
  local options=("${@:2}")
  [[ -d $out/digits ]] || "$vidgen" data synth moving-digits --out "$out/digits" --clips "$1" --seed 1 "${options[@]}"
  [[ -d $out/held_out ]] || "$vidgen" data synth moving-digits --out "$out/held_out" --clips 512 --seed 2 "${options[@]}"
  train_on=(--set data.sources="$out/digits") measure_with=(--data "$out/held_out")
}

# A run on one core, eight of its clips, and its distances to real ones. One that was stopped goes on.
measured_run() { # NAME CONFIG SETTING...
  local run=$out/$1 settings=() setting
  [[ -f $run.json ]] && return
  for setting in "${@:3}"; do settings+=(--set "$setting"); done
  export OMP_NUM_THREADS=1
  "$vidgen" train --config "configs/$2.yaml" --run-dir "$run" --resume auto "${train_on[@]}" "${settings[@]}"
  "$vidgen" sample --checkpoint "$run" --count 8 --seed 5 --out "$run.png"
  "$vidgen" eval --checkpoint "$run" "${measure_with[@]}" --clips 256 --json "$run.json"
}

# Runs side by side: start some, then wait for all.
declare -A started=()
start() { # NAME CONFIG SETTING...
  mkdir -p "$out"
  measured_run "$@" >"$out/$1.log" 2>&1 &
  started[$1]=$!
}
finish() {
  local name
  for name in "${!started[@]}"; do
    wait "${started[$name]}" || { echo "failed, see $out/$name.log" >&2; exit 1; }
  done
  started=()
}

# A table in Markdown, by the files of measured_run; its last row is what real clips get.
heading() { printf '| run | steps | swd | swd_video | psnr | ssim | motion | flicker | diversity |\n|%s\n' "$(printf ' --- |%.0s' {1..9})"; }
row() { scores "$1" value "$1"; }                                   # NAME
floor_row() { scores "real clips" real_against_real "$1"; }         # NAME
scores() { # TITLE FIELD NAME
  jq -r --arg title "$1" --arg field "$2" '[$title, if $field == "value" then .step else "" end, (.scores[]
      | select(.name | IN("swd", "swd_video", "psnr", "ssim", "motion", "flicker", "diversity"))
      | .[$field] * 1000 | round / 1000)] | "| " + (map(tostring) | join(" | ")) + " |"' "$out/$3.json"
}
needs_jq() { command -v jq >/dev/null || { echo "needs jq (Debian: apt install jq)" >&2; exit 1; }; }
