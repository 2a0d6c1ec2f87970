#!/usr/bin/env bash
# A mirroring display matrix in an MP4 (tkhd), read by five programs.
#
# Versions: Debian 12 ffmpeg 5.1.9; PyPI opencv-python-headless 4.12.0.88 (bundles libavcodec 59.37), decord 0.6.0, av 15.1.0 (libavcodec 61.19),
# imageio-ffmpeg 0.6.0 (ffmpeg 7.0.2).
# Behaviour: ffmpeg's command line (both versions) shows all eight matrices right. OpenCV and decord take only an angle out of the matrix, so that a
# picture mirrored left to right comes out TURNED BY 180 DEGREES, one mirrored top to bottom is left as stored, and both transposes become
# plain turns. PyAV turns nothing and gives the angle -180 and 0 for the two mirrors: they cannot be told from turns or from nothing.
# Seen (quarters top left, top right, bottom left, bottom right; stored BGRW):
#   hflip      right GBWR: ffmpeg GBWR  cv2 WRGB  decord WRGB  imageio GBWR  av BGRW at -180
#   vflip      right RWBG: ffmpeg RWBG  cv2 BGRW  decord BGRW  imageio RWBG  av BGRW at 0
#   transpose  right BRGW: ffmpeg BRGW  cv2 RBWG  decord RBWG  imageio BRGW  av BGRW at -90
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv env
env/bin/pip install -q opencv-python-headless==4.12.0.88 decord==0.6.0 av==15.1.0 imageio-ffmpeg==0.6.0 "numpy==2.2.6"
ffmpeg -v error -f lavfi -i "color=red:s=64x64:r=10:d=2,drawbox=x=0:y=0:w=32:h=32:c=blue:t=fill,drawbox=x=32:y=0:w=32:h=32:c=lime:t=fill,\
drawbox=x=32:y=32:w=32:h=32:c=white:t=fill" -c:v libx264 -pix_fmt yuv420p -qp 4 card.mp4
cat > look.py <<'END'
import struct, subprocess
import av, cv2, decord, imageio_ffmpeg
import numpy as np

def quarters(a):
    names = {(0, 0, 1): "B", (0, 1, 0): "G", (1, 0, 0): "R", (1, 1, 1): "W"}
    return "".join(names[tuple((a[y, x] > 127).astype(int))] for y in (16, 48) for x in (16, 48))

EXPECTED = {"hflip": ((-1, 0, 0, 1), "GBWR WRGB WRGB GBWR BGRW -180"), "vflip": ((1, 0, 0, -1), "RWBG BGRW BGRW RWBG BGRW 0"),
            "transpose": ((0, 1, 1, 0), "BRGW RBWG RBWG BRGW BGRW -90")}
changed = False
for key, ((a, b, c, d), expected) in EXPECTED.items():
    data = bytearray(open("card.mp4", "rb").read())
    at = data.index(b"tkhd") + 44
    right, down = (max(0, -a) + max(0, -c)) * 64 << 16, (max(0, -b) + max(0, -d)) * 64 << 16
    data[at:at + 36] = struct.pack(">9i", a << 16, b << 16, 0, c << 16, d << 16, 0, right, down, 1 << 30)
    open(f"{key}.mp4", "wb").write(data)
    raw = subprocess.run(["ffmpeg", "-v", "error", "-i", f"{key}.mp4", "-frames:v", "1", "-pix_fmt", "rgb24", "-f", "rawvideo", "-"],
                         capture_output=True, check=True).stdout
    line = quarters(np.frombuffer(raw, np.uint8).reshape(64, 64, 3))
    line += " " + quarters(cv2.VideoCapture(f"{key}.mp4").read()[1][:, :, ::-1])
    line += " " + quarters(decord.VideoReader(f"{key}.mp4")[0].asnumpy())
    frames = imageio_ffmpeg.read_frames(f"{key}.mp4")
    next(frames)
    line += " " + quarters(np.frombuffer(next(frames), np.uint8).reshape(64, 64, 3))
    frames.close()
    with av.open(f"{key}.mp4") as file:
        frame = next(file.decode(video=0))
        line += f" {quarters(frame.to_ndarray(format='rgb24'))} {round(frame.rotation)}"
    print(f"{key:10} ffmpeg, cv2, decord, imageio, av: {line}" + ("" if line == expected else f"   WAS {expected}"))
    changed |= line != expected
raise SystemExit(changed)
END
env/bin/python look.py
