#!/usr/bin/env bash
# An MP4 cut without re-encoding (`ffmpeg -ss 1.3 -c copy`), whose edit list hides 33 of its 100 frames, in decord.
#
# Versions: Debian 12 ffmpeg 5.1.9; PyPI decord 0.6.0, av 15.1.0, opencv-python-headless 4.12.0.88.
# Behaviour: decord counts the packets, also those that are there for decoding only. len() is 100, and all 100 indices give a frame: the 67 that are
# shown, and then the last one 33 times more. The stamps belong to other frames: index 0 is said to be at -1.32 s, but is the picture of 0 s, so
# that picture and time are apart by 1.32 s throughout. OpenCV's CAP_PROP_FRAME_COUNT is 100 as well, but it reads 67. With an edit list of two parts
# (2 s and 1 s) decord gives 76 frames for 75. (decord prints a warning about frames "corrupted and recovered"; nothing is corrupt.)
# Seen: av 67 frames; cv2 count 100, reads 67; decord len 100, 67 different pictures, index 0 is the first shown picture, stamped -1.32 s
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv env
env/bin/pip install -q opencv-python-headless==4.12.0.88 decord==0.6.0 av==15.1.0 "numpy==2.2.6"
ffmpeg -v error -f lavfi -i testsrc2=s=64x64:r=25:d=4 -c:v libx264 -pix_fmt yuv420p -g 50 -keyint_min 50 -sc_threshold 0 whole.mp4
ffmpeg -v error -ss 1.3 -i whole.mp4 -c copy cut.mp4
cat > look.py <<'END'
import av, cv2, decord
import numpy as np

with av.open("cut.mp4") as file:
    shown = [frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)]
video, read = cv2.VideoCapture("cut.mp4"), 0
while video.read()[0]:
    read += 1
reader = decord.VideoReader("cut.mp4", num_threads=1)
frames = [reader[n].asnumpy() for n in range(len(reader))]

def nearest(picture):
    return int(np.argmin([np.abs(picture.astype(int) - other).mean() for other in shown]))

different = len({frame.tobytes() for frame in frames})
got = [len(shown), int(video.get(cv2.CAP_PROP_FRAME_COUNT)), read, len(frames), different, nearest(frames[0]), nearest(frames[66]), nearest(frames[99]),
       round(float(reader.get_frame_timestamp(0)[0]), 2)]
expected = [67, 100, 67, 100, 67, 0, 66, 66, -1.32]
print(f"av {got[0]} frames; cv2 count {got[1]}, reads {got[2]}; decord len {got[3]}, {got[4]} different pictures; indices 0, 66, 99 show pictures "
      f"{got[5]}, {got[6]}, {got[7]}; index 0 is stamped {got[8]} s")
if got != expected:
    print("WAS", expected)
raise SystemExit(got != expected)
END
env/bin/python look.py 2> warnings.txt || { status=$?; cat warnings.txt; exit $status; }
