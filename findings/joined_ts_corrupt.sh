#!/usr/bin/env bash
# Two whole MPEG-TS files, joined end to end as recorders and `cat` do: which packets does FFmpeg call corrupt?
#
# Version: Debian 12 ffmpeg 5.1.9.
# Behaviour: the continuity counters start anew at the join, so the demuxer marks what it is just collecting, the last picture of
# the first file, as corrupt, though it is whole. Without an option nothing is lost; with `-fflags +discardcorrupt`, which
# guides for recordings recommend, one whole picture disappears at every join, with exit status 0 and without a word.
# Seen: 60 frames without the option, 59 with it; what is missing is frame 29 (counted from 0), the last of the first file.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
for colour in red blue; do
  ffmpeg -v error -f lavfi -i "testsrc2=s=64x64:r=25,drawbox=w=16:h=16:c=$colour:t=fill" -frames:v 30 -c:v mpeg2video -bf 0 -g 10 "$colour.ts"
done
cat red.ts blue.ts > joined.ts
crcs() { ffmpeg -nostdin -v quiet "$@" -i joined.ts -an -fps_mode passthrough -f framecrc - | sed -n 's/^0,.* //p'; }
crcs > all.txt
crcs -fflags +discardcorrupt > some.txt
missing=$(comm -23 <(sort all.txt) <(sort some.txt) | grep -nFf - all.txt | cut -d: -f1)
found="$(wc -l < all.txt) $(wc -l < some.txt), missing line $missing"
echo "$(ffmpeg -version | sed -n '1s/.*version \([^ -]*\).*/ffmpeg \1/p'): $found"
[[ $found == "60 59, missing line 30" ]]
