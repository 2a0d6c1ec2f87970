#!/usr/bin/env bash
# All that can be said of vidgen on this machine's GPU: sets up, builds with CUDA, runs the tests named *_CUDA, times a
# step of recipes in every precision, where it can be with and without a CUDA graph, compares with PyTorch where Python has it, and
# writes it all as one JSON. Exits with 2 where there is no GPU, with 1 when a test, a measurement or the comparison failed.
#
# usage: tools/gpu_check.sh [--out FILE.json]      FILE: gpu_check.json by default
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly classic=(seed_dcgan_rnn dcgan_lstm64 mocogan64) # what fits into a CUDA graph and is compared with PyTorch
readonly program=build/cuda/vidgen
out=gpu_check.json

say() { printf 'gpu_check: %s\n' "$*" >&2; }
while [[ $# -gt 0 ]]; do
  case $1 in
    --out) [[ $# -ge 2 ]] || { say "--out needs a file"; exit 2; }; out=$2; shift 2 ;;
    *) say "unknown argument $1, expected nothing or --out FILE.json"; exit 2 ;;
  esac
done
if ! command -v nvidia-smi >/dev/null || ! nvidia-smi --list-gpus 2>/dev/null | grep -q '^GPU'; then
  say "no GPU here (nvidia-smi finds none): nothing was checked"
  exit 2
fi
touch "$out"
parts=$(mktemp -d)
trap 'rm -rf "$parts"' EXIT

nvidia-smi --query-gpu=name,driver_version,memory.total,compute_cap --format=csv,noheader >"$parts/devices.txt"
tools/setup.sh --cuda
cmake --preset cuda >/dev/null
cmake --build --preset cuda
"$program" --version >"$parts/version.txt"

say "tests"
# One that is skipped here has not seen the GPU that nvidia-smi sees.
ctest --preset cuda -R '_CUDA$' --output-junit "$parts/tests.xml" >"$parts/tests.txt" 2>&1 || cat "$parts/tests.txt" >&2

# bench NAME RECIPE KEY=VALUE...: the figures into $parts, or what went wrong.
bench() {
  local name=$1 recipe=$2 settings=() setting
  shift 2
  for setting in train.device=cuda "$@"; do settings+=(--set "$setting"); done
  say "$recipe $name"
  "$program" bench train --config "configs/$recipe.yaml" "${settings[@]}" --warmup 5 --repeats 20 \
    --json "$parts/bench.$recipe.$name.json" >/dev/null 2>"$parts/bench.$recipe.$name.error" || tail -n 1 "$parts/bench.$recipe.$name.error" >&2
}
for graph in false true; do
  if [[ $graph == true ]]; then suffix=_graph recipes=("${classic[@]}"); else suffix='' recipes=("${classic[@]}" vidgen64); fi
  for recipe in "${recipes[@]}"; do
    bench "float32$suffix" "$recipe" train.precision=float32 train.tf32=false "train.cuda_graph=$graph"
    bench "tf32$suffix" "$recipe" train.precision=float32 train.tf32=true "train.cuda_graph=$graph"
    bench "bfloat16$suffix" "$recipe" train.precision=bfloat16 "train.cuda_graph=$graph"
    bench "float16$suffix" "$recipe" train.precision=float16 "train.cuda_graph=$graph"
  done
done

if python3 -c 'import torch, yaml; assert torch.cuda.is_available()' 2>/dev/null; then
  for recipe in "${classic[@]}"; do
    say "$recipe against PyTorch"
    for precision in float32 bfloat16; do
      python3 tools/compare_pytorch.py --program "$program" --device cuda --config "configs/$recipe.yaml" \
        --set "train.precision=$precision" --modes "eager,$precision" --rounds 3 --steps 20 \
        >"$parts/pytorch.$recipe.$precision.txt" 2>&1 || echo "FAILED" >>"$parts/pytorch.$recipe.$precision.txt"
    done
  done
fi

python3 - "$parts" "$out" <<'END'
import json, pathlib, sys
from xml.etree import ElementTree
parts, out = pathlib.Path(sys.argv[1]), sys.argv[2]
lines = lambda name: (parts / name).read_text().splitlines()
keys = ("name", "driver", "memory", "compute_capability")
report = {"devices": [dict(zip(keys, (field.strip() for field in line.split(",")))) for line in lines("devices.txt")],
          "version": lines("version.txt"), "tests": {}, "steps": {}, "pytorch": {}}
failures = []
if (parts / "tests.xml").exists():
    for case in ElementTree.parse(parts / "tests.xml").getroot().iter("testcase"):
        # Of ctest: "run", "fail", "notrun" and "disabled"; a test that skips itself has an element for it.
        status = "skipped" if case.find("skipped") is not None else {"run": "passed"}.get(case.get("status"), case.get("status"))
        report["tests"][case.get("name")] = status
failures += [f"test {name}: {status}" for name, status in report["tests"].items() if status != "passed"]
if not report["tests"]:
    failures.append("no test ran")
for error in sorted(parts.glob("bench.*.error")):
    _, recipe, mode, _ = error.name.split(".")
    figures = error.with_suffix(".json")
    if figures.exists():
        result = json.loads(figures.read_text())
    else:
        result = {"error": (error.read_text().splitlines() or ["?"])[-1]}
        failures.append(f"{recipe} {mode}: {result['error']}")
    report["steps"].setdefault(recipe, {})[mode] = result
for text in sorted(parts.glob("pytorch.*.txt")):
    _, recipe, precision, _ = text.name.split(".")
    report["pytorch"].setdefault(recipe, {})[precision] = text.read_text().splitlines()
    if report["pytorch"][recipe][precision][-1] == "FAILED":
        failures.append(f"{recipe} {precision}: the comparison with PyTorch failed")
report["failures"] = failures
pathlib.Path(out).write_text(json.dumps(report, indent=2) + "\n")
print(f"{out}: {len(report['tests'])} tests, {len(failures)} failures", *failures, sep="\n  ")
sys.exit(1 if failures else 0)
END
