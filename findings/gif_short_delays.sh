#!/usr/bin/env bash
# GIFs with a delay of 0, 1, 2 and 3 hundredths of a second: how far apart are the frames?
#
# Versions: Debian 12 ffmpeg 5.1.9; PyPI opencv-python-headless 4.12.0.88 (libavformat 59), av 15.1.0 (libavformat 61), imageio-ffmpeg 0.6.0 (ffmpeg 7.0.2),
# pillow 11.3.0 (writes the files, and reads the delays as stored).
# Behaviour: FFmpeg changed its mind about a delay of 1 between 5.1 and 7.0. Up to 5.1 everything below 2 (its option min_delay) became 10 hundredths,
# as in browsers; from 7.0 on only 0 does, and 1 is taken literally. The same GIF plays ten times faster in PyAV 15 than in Debian 12's ffmpeg and
# in OpenCV 4.12, at 100 instead of 10 frames a second. A delay of 0 stays 10 hundredths in all of them; Pillow reports 0.
# Seen (seconds from the first to the second frame; imageio: seconds of ten frames):
#   delay 0: ffprobe 0.1   cv2 0.1   av 0.1   imageio 1.0  pillow 0
#   delay 1: ffprobe 0.1   cv2 0.1   av 0.01  imageio 0.1  pillow 10
#   delay 2: ffprobe 0.02  cv2 0.02  av 0.02  imageio 0.2  pillow 20
#   delay 3: ffprobe 0.03  cv2 0.03  av 0.03  imageio 0.3  pillow 30
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv env
env/bin/pip install -q opencv-python-headless==4.12.0.88 av==15.1.0 pillow==11.3.0 imageio-ffmpeg==0.6.0 "numpy==2.2.6"
cat > look.py <<'END'
import subprocess
import av, cv2, imageio_ffmpeg
from PIL import Image

EXPECTED = {0: (0.1, 0.1, 0.1, 1.0, 0), 1: (0.1, 0.1, 0.01, 0.1, 10), 2: (0.02, 0.02, 0.02, 0.2, 20), 3: (0.03, 0.03, 0.03, 0.3, 30)}
changed = False
for delay, expected in EXPECTED.items():
    name = f"{delay}.gif"
    pictures = [Image.new("RGB", (32, 32), (n * 20, 0, 255 - n * 20)) for n in range(10)]
    pictures[0].save(name, save_all=True, append_images=pictures[1:], duration=delay * 10, loop=0)
    probed = subprocess.run(["ffprobe", "-v", "error", "-show_entries", "frame=pts_time", "-of", "csv=p=0", name], capture_output=True, text=True)
    got = [float(probed.stdout.replace(",", " ").split()[1])]
    video = cv2.VideoCapture(name)
    video.read(), video.read()
    got.append(round(video.get(cv2.CAP_PROP_POS_MSEC) / 1000, 3))
    with av.open(name) as file:
        got.append([frame.time for frame in file.decode(video=0)][1])
    got += [imageio_ffmpeg.count_frames_and_secs(name)[1], Image.open(name).info.get("duration", 0)]
    same = all(abs(a - b) < 0.002 for a, b in zip(got, expected))
    print(f"delay {delay}: ffprobe {got[0]}, cv2 {got[1]}, av {got[2]}, imageio {got[3]}, pillow {got[4]}" + ("" if same else f"   WAS {expected}"))
    changed |= not same
raise SystemExit(changed)
END
env/bin/python look.py
