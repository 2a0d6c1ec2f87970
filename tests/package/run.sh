#!/usr/bin/env bash
# Unpacks the archive of tools/package.sh on a machine that has nothing but Debian's smallest system, Python and pip's torch, and
# there trains, resumes, samples, and reads a DICOM file. As root, a few minutes, outside CI; the machine is a folder, which is
# kept: $VIDGEN_CACHE/package-root, by default in ~/.cache/vidgen.
#
# usage: tests/package/run.sh [ARCHIVE]      by default what tools/package.sh made last
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

root="${VIDGEN_CACHE:-$HOME/.cache/vidgen}/package-root"
readonly root place="/opt/an odd place"
readonly videos=/usr/share/doc/opencv-doc/examples/data
fail() { printf 'package: %s\n' "$*" >&2; exit 1; }
[[ $EUID -eq 0 ]] || fail "needs root, for chroot"
archive=${1:-$(ls -t build/*/package/vidgen-*.tar.gz | head -n 1)}

if [[ ! -e $root.complete ]]; then
  command -v debootstrap >/dev/null || fail "needs debootstrap: apt-get install debootstrap"
  rm -rf "$root"
  debootstrap --variant=minbase --include=python3,python3-pip bookworm "$root" >/dev/null
  # The network and its certificates are this machine's.
  python3 -m pip install --quiet --no-deps --require-hashes --requirement tools/libtorch/cpu.txt --only-binary=:all: \
    --implementation cp --python-version 3.11 --abi cp311 --abi none --platform manylinux_2_28_x86_64 --platform manylinux_2_27_x86_64 \
    --platform manylinux_2_25_x86_64 --platform manylinux2014_x86_64 --target "$root/usr/local/lib/python3.11/dist-packages"
  touch "$root.complete"
fi

rm -rf "$root$place" "$root/root/work"
mkdir -p "$root$place" "$root/root/work"
tar -xzf "$archive" -C "$root$place"
cp "$videos/Megamind.avi" configs/tiny32_laptop.yaml "$root/root/work/"
img2dcm -q "$videos/baboon.jpg" "$root/root/work/baboon.dcm"

# What happens on that machine: each line of it is shown.
cat >"$root/root/work/try.sh" <<'END'
set -euo pipefail
cd /root/work
export PATH="/usr/bin:/bin:$(echo "/opt/an odd place"/*/bin)"
step() { printf '+ %s\n' "$*"; "$@"; }
for tool in gcc c++ cc ffmpeg pkg-config; do ! command -v "$tool" || { echo "$tool is here"; exit 1; }; done
train() {
  step vidgen --quiet train tiny32_laptop.yaml --data Megamind.avi --run-dir run --set train.minutes=0 --set train.steps="$1" \
    --set train.batch_size=2 --set data.frames=8 --set data.validation_split=0 --set train.evaluate.every=0
}
step vidgen --version
train 3
train 6
step vidgen inspect run
step vidgen sample run --out clip.mp4 --count 1
step vidgen data inspect Megamind.avi
step vidgen data inspect baboon.dcm
code=0
step vidgen --torch /usr sample run --out other.mp4 || code=$?
[[ $code -eq 2 ]] || { echo "exit code $code without LibTorch, expected 2"; exit 1; }
END
code=0
unshare --mount bash -c 'mount -t proc proc "$1/proc" && mount --rbind /dev "$1/dev" && mount --rbind /sys "$1/sys" &&
  exec chroot "$1" /usr/bin/env -i HOME=/root LC_ALL=C.UTF-8 bash /root/work/try.sh' - "$root" || code=$?
[[ $code -eq 0 ]] || fail "exit code $code"
[[ $(ffprobe -v error -count_frames -show_entries stream=width,height,nb_read_frames -of csv=p=0 "$root/root/work/clip.mp4") == 32,32,8 ]] \
  || fail "clip.mp4 is not the eight frames of 32x32 that it should be"
[[ $(grep -c '"event": *"resumed"' "$root/root/work/run/log.jsonl") == 1 ]] || fail "the second training did not go on with the first"
echo "package: $(basename "$archive") trains, resumes and samples"
