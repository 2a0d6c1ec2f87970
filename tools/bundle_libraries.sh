#!/usr/bin/env bash
# Copies what a built program is linked to, and its licences, into an installation: every shared library but LibTorch's, CUDA's and
# glibc's. `cmake --install BUILD --component libraries` and cpack call it.
#
# usage: tools/bundle_libraries.sh PROGRAM TORCH_DIR PREFIX
set -euo pipefail
shopt -s nullglob

readonly program=$1 prefix=$3
readonly libraries=$prefix/lib/vidgen licences=$prefix/share/doc/vidgen/licenses
torch=$(dirname "$(readlink -f "$2")") # with the CUDA libraries beside it
readonly torch
# Compiled in, rather than linked.
readonly compiled_in=(libcli11-dev libprotozero-dev nlohmann-json3-dev libopencv-core-dev libspdlog-dev)

is_left_out() {
  case $(basename "$1") in
    ld-linux* | libc.so.* | libm.so.* | libmvec.so.* | libdl.so.* | libpthread.so.* | librt.so.* | libresolv.so.* | libutil.so.* | libanl.so.*) ;;
    libnss_* | libcuda.so.* | libcudart.so.*) ;;
    *) [[ $(readlink -f "$1") == "$torch"/* ]] ;;
  esac
}

mkdir -p "$libraries" "$licences"
linked=$(ldd "$program")
# A machine without a GPU has no driver.
if grep 'not found' <<<"$linked" | grep -v 'libcuda\.so' >&2; then exit 1; fi
# LibTorch's own libgomp comes first where it has one of this name; there are builds that call theirs otherwise.
gomp=$("${CXX:-c++}" -print-file-name=libgomp.so.1)
files=()
while read -r file; do
  is_left_out "$file" || files+=("$file")
done < <(awk '$2 == "=>" && $3 ~ /^\// {print $3}' <<<"$linked"; [[ $gomp != /* ]] || printf '%s\n' "$gomp")

packages=("${compiled_in[@]}")
for file in "${files[@]}"; do
  install -m 644 "$file" "$libraries/$(basename "$file")"
  # A package's list has a file where it was before /lib became /usr/lib, or where it is now.
  owner=$(dpkg-query -S "$(readlink -f "$file")" "/usr$file" "${file#/usr}" 2>/dev/null | head -n 1) || true
  [[ -n $owner ]] || { echo "bundle_libraries: no Debian package owns $file, so its licence is missing" >&2; exit 1; }
  packages+=("${owner%%:*}")
done
for package in "${packages[@]}"; do install -m 644 "/usr/share/doc/$package/copyright" "$licences/$package"; done
mkdir -p "$licences/common-licenses"
cp -L /usr/share/common-licenses/* "$licences/common-licenses/" # what those refer to

for dictionary in /usr/share/libdcmtk*/{dicom,private}.dic; do
  install -D -m 644 -t "$prefix/share/vidgen" "$dictionary"
done
printf 'bundle_libraries: %d libraries of %d packages\n' "${#files[@]}" "$(find "$licences" -maxdepth 1 -type f | wc -l)"
