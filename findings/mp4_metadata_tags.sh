#!/usr/bin/env bash
# A title and a key of one's own in an MP4, written by FFmpeg with and without -movflags use_metadata_tags: who finds them?
#
# Versions: Debian 12 ffmpeg 5.1.9; PyPI imageio-ffmpeg 0.6.0 (ffmpeg 7.0.2), av 15.1.0 (libavformat 61), mutagen 1.47.0.
# Behaviour: the flag is the only way to keep a key that FFmpeg does not know, but it writes all keys in another kind of box (mdta keys, by their
# number), the title among them. FFmpeg reads both kinds; mutagen, which reads iTunes' atoms as tag editors and music players do, finds no title any
# more, only values under \x00\x00\x00\x01 and so on. Copying such a file without the flag (-c copy) brings the title's atom back and loses the key.
# Seen, with both versions of FFmpeg:
#   plain:   libavformat title              mutagen title
#   tags:    libavformat title, origin      mutagen nothing
#   copied:  libavformat title              mutagen title
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv env
env/bin/pip install -q mutagen==1.47.0 av==15.1.0 imageio-ffmpeg==0.6.0
cat > look.py <<'END'
import subprocess
import av, imageio_ffmpeg, mutagen

EXPECTED = {"plain": (["title"], True), "tags": (["origin", "title"], False), "copied": (["title"], True)}
changed = False
for program in ("ffmpeg", imageio_ffmpeg.get_ffmpeg_exe()):
    version = subprocess.run([program, "-version"], capture_output=True, text=True).stdout.split()[2]
    run = lambda *arguments: subprocess.run([program, "-v", "error", "-y", *arguments], check=True)
    source = ["-f", "lavfi", "-i", "testsrc=size=32x32:rate=10:duration=0.5", "-metadata", "title=T", "-metadata", "origin=O"]
    run(*source, "plain.mp4")
    run(*source, "-movflags", "use_metadata_tags", "tags.mp4")
    run("-i", "tags.mp4", "-c", "copy", "copied.mp4")
    for name, expected in EXPECTED.items():
        with av.open(f"{name}.mp4") as file:
            kept = sorted(key for key in file.metadata if key in ("title", "origin"))
        got = (kept, "\xa9nam" in mutagen.File(f"{name}.mp4").tags)
        print(f"ffmpeg {version} {name}: libavformat finds {', '.join(got[0])}; mutagen finds {'the title' if got[1] else 'no title'}"
              + ("" if got == expected else f"   WAS {expected}"))
        changed |= got != expected
raise SystemExit(changed)
END
env/bin/python look.py
