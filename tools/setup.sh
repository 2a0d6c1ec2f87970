#!/usr/bin/env bash
# Installs what vidgen is built from: Debian packages, and LibTorch into a cache that all checkouts share ($VIDGEN_CACHE,
# by default ~/.cache/vidgen). Run again, it only checks.
#
# LibTorch comes for this machine's architecture, x86_64 or aarch64; VIDGEN_TORCH_DIR names one that is there already.
#
# usage: tools/setup.sh [--cuda]      --cuda adds the CUDA libraries (5 GB), and nvcc where there is none
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly packages=(build-essential cmake ninja-build pkg-config ca-certificates python3 python3-pip
  libopencv-core-dev libopencv-imgproc-dev libavformat-dev libavcodec-dev libswscale-dev libavutil-dev libwebp-dev libdcmtk-dev libyaml-cpp-dev libspdlog-dev libcli11-dev
  libprotozero-dev nlohmann-json3-dev libxxhash-dev libgtest-dev libgmock-dev opencv-doc ffmpeg
  dcmtk webp)
readonly cache="${VIDGEN_CACHE:-$HOME/.cache/vidgen}"
readonly libtorch="$cache/libtorch-2.11.0"
architecture=$(uname -m)
readonly architecture

say() { printf '%s\n' "$*" >&2; }
die() { say "setup: $*"; exit 1; }

install_packages() {
  local missing=() package
  for package in "${packages[@]}"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  [[ ${#missing[@]} -eq 0 ]] && return
  local root=()
  if [[ $EUID -ne 0 ]]; then
    root=(sudo)
    sudo -n true 2>/dev/null || { [[ -t 0 ]] && sudo -v; } \
      || die "these packages are missing, and installing them needs root: apt-get install ${missing[*]}"
  fi
  say "setup: installing ${missing[*]}"
  "${root[@]}" apt-get update -qq
  "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "${missing[@]}" >/dev/null
}

# Downloads and unpacks the wheels of a list. pip checks each against its SHA-256, so what was cut short is noticed.
fetch() {
  local list=$1 folder try wheel platform=() version
  for version in 28 27 25 18 17 12 5; do platform+=(--platform "manylinux_2_${version}_$architecture"); done
  for version in 2014 2010 1; do platform+=(--platform "manylinux${version}_$architecture"); done
  folder="$cache/download"
  rm -rf "$folder"
  for try in 1 2 3 4; do
    [[ $try -le 3 ]] || die "could not download LibTorch ($list); run this again when the network is back"
    # The wheels are only unpacked, never run, so any Python will do for downloading those made for 3.11.
    python3 -m pip download --quiet --disable-pip-version-check --no-cache-dir --no-deps --require-hashes \
      --only-binary=:all: --implementation cp --python-version 3.11 --abi cp311 --abi none "${platform[@]}" --platform any \
      --dest "$folder" --requirement "$list" && break
    say "setup: download failed (attempt $try of 3)"
    sleep 5
  done
  for wheel in "$folder"/*.whl; do python3 -m zipfile -e "$wheel" "$libtorch"; done
  rm -rf "$folder"
}

install_libtorch() {
  local part=$1
  [[ -e $libtorch/.$part-complete ]] && return
  say "setup: downloading LibTorch ($part) to $libtorch"
  fetch "tools/libtorch/$part.txt"
  touch "$libtorch/.$part-complete"
}

[[ ${1:-} == "" || ${1:-} == --cuda ]] || die "unknown argument $1, expected nothing or --cuda"
install_packages
if [[ -z ${VIDGEN_TORCH_DIR:-} ]]; then
  [[ $architecture == x86_64 || $architecture == aarch64 ]] \
    || die "there is no LibTorch to fetch for $architecture, expected x86_64 or aarch64; set VIDGEN_TORCH_DIR to your own"
  mkdir -p "$libtorch"
  # One checkout at a time; the others wait and find it done.
  exec 9>"$cache/.lock"
  flock 9
  install_libtorch cpu
  if [[ ${1:-} == --cuda ]]; then
    install_libtorch cuda
    # Where cmake/Cuda.cmake looks before it.
    if [[ -z ${CUDACXX:-} ]] && ! PATH=$PATH:/usr/local/cuda/bin command -v nvcc >/dev/null; then
      install_libtorch nvcc
      # A zip does not say which files are programs.
      chmod +x "$libtorch"/nvidia/cu13/bin/* "$libtorch"/nvidia/cu13/nvvm/bin/*
    fi
  fi
fi
