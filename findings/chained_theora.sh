#!/usr/bin/env bash
# Two Ogg files with Theora, joined end to end (a chained stream, as RFC 3533 allows): how many of the 60 frames come out?
#
# Versions: Debian 12 ffmpeg 5.1.9; PyPI imageio-ffmpeg 0.6.0 (ffmpeg 7.0.2), opencv-python-headless 4.12.0.88, av 15.1.0.
# Behaviour: where the second file begins, its headers come again, and the decoder refuses them when it decodes in several
# threads by frames ("midstream reconfiguration with multithreading is unsupported, try -threads 1"): the whole second half is
# lost, with exit status 0. With one thread all comes out. The default number of threads is that of the cores, so the
# same file has 60 frames on a machine with one core and 30 elsewhere; the script asks for 1 and 2 by name.
# Seen (frames with one thread, with two):
#   ffmpeg 5.1.9: 60 30   ffmpeg 7.0.2: 60 30
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv env
env/bin/pip install -q imageio-ffmpeg==0.6.0
for colour in red blue; do
  ffmpeg -v error -f lavfi -i "testsrc2=s=64x64:r=25,drawbox=w=16:h=16:c=$colour:t=fill" -frames:v 30 -c:v libtheora -q:v 6 "$colour.ogv"
done
cat red.ogv blue.ogv > chained.ogv
count() { "$1" -nostdin -v quiet -threads "$2" -i chained.ogv -f framecrc - | grep -vc '^#' || true; }
changed=0
for program in ffmpeg "$(env/bin/python -c 'import imageio_ffmpeg as f; print(f.get_ffmpeg_exe())')"; do
  version=$("$program" -version | sed -n '1s/.*version \([^ -]*\).*/\1/p')
  found="$(count "$program" 1) $(count "$program" 2)"
  echo "ffmpeg $version: $found"
  [[ $found == "60 30" ]] || changed=1
done
exit $changed
