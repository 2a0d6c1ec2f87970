#!/usr/bin/env bash
# tree.avi of OpenCV's documentation: a capture in which 376 of 444 frames are left out ("as the frame before"), as AVI allows.
#
# Versions: Debian 12 opencv-doc 4.6.0+dfsg-12 (the file), ffmpeg 5.1.9; PyPI opencv-python-headless 4.12.0.88, decord 0.6.0, av 15.1.0, imageio-ffmpeg 0.6.0.
# Behaviour: the header says 444 frames at 15 a second, 29.6 s. Stored are 68 pictures, 0.33 to 0.73 s apart. Five readers give three counts, and
# none names the gaps: ffprobe, PyAV and OpenCV read 68 while nb_frames, av's `frames` and CAP_PROP_FRAME_COUNT say 444; decord's length is 68 with
# get_avg_fps() 15, so that who trusts both plays 29.6 s in 4.5; imageio-ffmpeg fills up to 449, five more than the header has.
# Seen: ffprobe nb_frames 444, reads 68, median distance 0.4 s; av frames 444, reads 68; cv2 count 444 at 15.0, reads 68; decord 68 at 15.0; imageio 449
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; chmod 755 "$work"; cd "$work"
python3 -m venv env
env/bin/pip install -q opencv-python-headless==4.12.0.88 decord==0.6.0 av==15.1.0 imageio-ffmpeg==0.6.0 "numpy==2.2.6"
apt-get download -q opencv-doc=4.6.0+dfsg-12 > /dev/null
dpkg-deb --fsys-tarfile opencv-doc_*.deb | tar -xO ./usr/share/doc/opencv-doc/examples/data/tree.avi > tree.avi
cat > look.py <<'END'
import statistics, subprocess
import av, cv2, decord, imageio_ffmpeg

def probe(*what):
    return subprocess.run(["ffprobe", "-v", "error", "-select_streams", "v:0", *what, "-of", "csv=p=0", "tree.avi"], capture_output=True,
                          text=True, check=True).stdout.replace(",", " ").split()

times = [float(t) for t in probe("-show_entries", "frame=pts_time")]
got = [int(probe("-show_entries", "stream=nb_frames")[0]), len(times), round(statistics.median(b - a for a, b in zip(times, times[1:])), 2)]
with av.open("tree.avi") as file:
    got += [file.streams.video[0].frames, sum(1 for _ in file.decode(video=0))]
video, read = cv2.VideoCapture("tree.avi"), 0
while video.read()[0]:
    read += 1
got += [int(video.get(cv2.CAP_PROP_FRAME_COUNT)), round(video.get(cv2.CAP_PROP_FPS), 2), read]
reader = decord.VideoReader("tree.avi", num_threads=1)
got += [len(reader), round(reader.get_avg_fps(), 2)]
frames = imageio_ffmpeg.read_frames("tree.avi")
next(frames)
got.append(sum(1 for _ in frames))
expected = [444, 68, 0.4, 444, 68, 444, 15.0, 68, 68, 15.0, 449]
print("ffprobe nb_frames {}, reads {}, median distance {} s; av frames {}, reads {}; cv2 count {} at {}, reads {}; decord {} at {}; imageio {}".format(*got))
if got != expected:
    print("WAS", expected)
raise SystemExit(got != expected)
END
env/bin/python look.py
