#!/usr/bin/env bash
# White of a one-plane (gray) video that is tagged as limited range.
#
# Versions: Debian 12 ffmpeg 5.1.9 (libswscale 6.7); PyPI av 15.1.0 (libswscale 8.3), opencv-python-headless 4.12.0.88, decord 0.6.0.
# Behaviour: libswscale's direct gray-to-RGB path copies the stored value at equal size, whatever the range tag says. ffmpeg's scale filter, which
# passes the range on, gives 255 as soon as the size changes. So the white of one and the same file depends on whether it is resized; PyAV, OpenCV and
# decord give 235 either way. With three planes (yuv420p) everybody gives 253 to 255.
# Seen: gray     ffmpeg 235, resized by ffmpeg 255, av 235, av resized 235, cv2 235, decord 235
#       yuv420p  ffmpeg 255, resized by ffmpeg 253, av 255, av resized 253, cv2 255, decord 255
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv env
env/bin/pip install -q opencv-python-headless==4.12.0.88 decord==0.6.0 av==15.1.0 "numpy==2.2.6"
white="nullsrc=s=64x64:r=10:d=2,format=yuv420p,geq=lum=235:cb=128:cr=128"
ffmpeg -v error -f lavfi -i "$white,extractplanes=y" -c:v ffv1 -pix_fmt gray -color_range tv gray.mkv
ffmpeg -v error -f lavfi -i "$white" -c:v ffv1 -pix_fmt yuv420p -color_range tv yuv420p.mkv
cat > look.py <<'END'
import subprocess
import av, cv2, decord

EXPECTED = {"gray": [235, 255, 235, 235, 235, 235], "yuv420p": [255, 253, 255, 253, 255, 255]}
changed = False
for name, expected in EXPECTED.items():
    path, got = name + ".mkv", []
    for more in ([], ["-vf", "scale=32:32"]):
        got.append(subprocess.run(["ffmpeg", "-v", "error", "-i", path, "-frames:v", "1", *more, "-pix_fmt", "rgb24", "-f", "rawvideo", "-"],
                                  capture_output=True, check=True).stdout[0])
    with av.open(path) as file:
        frame = next(file.decode(video=0))
        got += [int(frame.to_ndarray(format="rgb24")[9, 9, 0]), int(frame.to_ndarray(format="rgb24", width=32, height=32)[9, 9, 0])]
    got += [int(cv2.VideoCapture(path).read()[1][9, 9, 0]), int(decord.VideoReader(path)[0].asnumpy()[9, 9, 0])]
    same = all(abs(a - b) <= 2 for a, b in zip(got, expected))
    print(f"{name:8} ffmpeg {got[0]}, resized {got[1]}, av {got[2]}, av resized {got[3]}, cv2 {got[4]}, decord {got[5]}" +
          ("" if same else f"   WAS {expected}"))
    changed |= not same
raise SystemExit(changed)
END
env/bin/python look.py
