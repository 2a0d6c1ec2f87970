#!/usr/bin/env bash
# Installs into FOLDER, unless they are there, the runtimes that tools/check_export.py runs exported generators in.
#
# usage: tests/cli/export_runtimes.sh FOLDER
set -euo pipefail

requirements=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)/tools/export_requirements.txt
# One test at a time; the others wait and find them there.
exec 9>"$1.lock"
flock 9
cmp -s "$requirements" "$1/requirements.txt" && exit
rm -rf "$1"
python3 -m pip install --quiet --disable-pip-version-check --no-cache-dir --target "$1" --requirement "$requirements"
cp "$requirements" "$1/requirements.txt"
