#!/usr/bin/env bash
# FLC animations end with a "ring frame" that leads from the last picture back to the first; it is no picture of its own, and the header does not count it.
#
# Versions: Debian 12 ffmpeg 5.1.9; PyPI pillow 11.3.0, opencv-python-headless 4.12.0.88, av 15.1.0 (libavformat 61).
# Behaviour: FFmpeg's flic demuxer, old and new, hands it out as a picture: 4 frames for a file of 3, the last equal to the first, one frame too long.
# Pillow counts 3. OpenCV reads 4, and its CAP_PROP_FRAME_COUNT is -9223372036854775808, as the format has no duration.
# (Real files have it too: Pillow's Tests/images/a.fli says 384 frames, FFmpeg gives 385.)
# Seen: header 3, pillow 3, ffprobe 4, av 4, cv2 reads 4 with a count of -9.223372036854776e+18, last equals first: True
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv env
env/bin/pip install -q opencv-python-headless==4.12.0.88 av==15.1.0 pillow==11.3.0 "numpy==2.2.6"
cat > look.py <<'END'
import struct, subprocess
import av, cv2
import numpy as np
from PIL import Image

SIDE = 32

def chunk(kind, body):
    return struct.pack("<IH", len(body) + 6, kind) + body

def frame(level, palette=b""):
    """One frame: every line is a run of one colour (BYTE_RUN)."""
    line = bytes([1, SIDE, level])
    parts = ([chunk(4, palette)] if palette else []) + [chunk(15, line * SIDE)]
    return struct.pack("<IHH8x", 16 + sum(map(len, parts)), 0xF1FA, len(parts)) + b"".join(parts)

grey = struct.pack("<HBB", 1, 0, 0) + bytes(v for n in range(256) for v in (n, n, n))
frames = [frame(40, grey), frame(120), frame(200), frame(40)]  # the last one is the ring frame
head = struct.pack("<IHHHHHHI", 128 + sum(map(len, frames)), 0xAF12, 3, SIDE, SIDE, 8, 3, 100)
head += bytes(80 - len(head)) + struct.pack("<II", 128, 128 + len(frames[0])) + bytes(40)
open("ring.flc", "wb").write(head + b"".join(frames))

counted = subprocess.run(["ffprobe", "-v", "error", "-count_frames", "-show_entries", "stream=nb_read_frames", "-of", "csv=p=0", "ring.flc"],
                         capture_output=True, text=True, check=True).stdout.strip(" ,\n")
with av.open("ring.flc") as file:
    pictures = [picture.to_ndarray(format="rgb24") for picture in file.decode(video=0)]
video, read = cv2.VideoCapture("ring.flc"), 0
while video.read()[0]:
    read += 1
got = [3, Image.open("ring.flc").n_frames, int(counted), len(pictures), read, video.get(cv2.CAP_PROP_FRAME_COUNT), bool((pictures[0] == pictures[-1]).all())]
expected = [3, 3, 4, 4, 4, -2.0**63, True]
print("header {}, pillow {}, ffprobe {}, av {}, cv2 reads {} with a count of {}, last equals first: {}".format(*got))
raise SystemExit(got != expected)
END
env/bin/python look.py
