#!/usr/bin/env python3
"""Times a generator in vidgen, in PyTorch, and exported in ONNX Runtime and OpenVINO, alternately in one run, and prints the ratios.

Needs Python with torch, PyYAML and tools/export_requirements.txt; vidgen itself does not. The first file is the original, in float32:
it is played in all of them, in PyTorch as plain modules (eager, float32, default layout). Files of fewer weights or of eight
bits made from it are played by vidgen, and exported to the others.

usage: tools/compare_runtimes.py RUN/weights.safetensors [int8.safetensors ...] [--clips 8] [--rounds 5]
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import tempfile
import time

import numpy as np
import torch
import yaml

from check_export import onnxruntime_model, openvino_model, read_safetensors
from compare_pytorch import ROOT, default_widths
from peer.step import Gan


def pytorch(path, inputs, clips):
    """One call makes the clips with the modules that compare_pytorch.py trains, of any recipe."""
    weights, metadata = read_safetensors(path)
    config = yaml.safe_load(metadata["config"])
    config["train"]["batch_size"] = clips
    default_widths(config)
    gan = Gan(config, "eager", torch.float32)
    gan.generator.load_state_dict({name: torch.from_numpy(weights[f"generator.{name}"].copy())
                                   for name in gan.generator.state_dict()})
    gan.eval()
    given = {name: torch.from_numpy(value.copy()) for name, value in inputs.items()}
    # An exported file asks only for what its motion reads.
    motion_dim = config["model"]["temporal"]["motion_dim"]
    given.setdefault("initial", torch.zeros(clips, motion_dim))
    given.setdefault("noise", torch.zeros(clips, len(given.get("times", [])), motion_dim))

    def run():
        with torch.no_grad():
            return gan.generate(given).transpose(1, 2).numpy()

    return run


def vidgen_seconds(program, path, precision, clips, repeats):
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([program, "--quiet", "bench", "render", "--checkpoint", path, "--precision", precision, "--clips", str(clips),
                        "--repeats", str(repeats), "--warmup", "1", "--json", f"{folder}/out.json"], check=True, stdout=subprocess.DEVNULL)
        report = json.loads(pathlib.Path(f"{folder}/out.json").read_text())
    return report["batch_seconds"]["median"], report["frame_seconds"]["median"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", metavar="FILE")
    parser.add_argument("--clips", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--repeats", type=int, default=3, help="runs of each in a round")
    parser.add_argument("--bfloat16", action="store_true", help="also in bfloat16, where the processor has instructions for it")
    parser.add_argument("--program", default=str(ROOT / "build/release/vidgen"))
    arguments = parser.parse_args()
    threads, original = torch.get_num_threads(), arguments.files[0]
    peers, own, eager = {}, {}, None
    with tempfile.TemporaryDirectory() as folder:
        for i, file in enumerate(arguments.files):
            onnx, reference = f"{folder}/{i}.onnx", f"{folder}/{i}.safetensors"
            subprocess.run([arguments.program, "--quiet", "export", "--checkpoint", file, "--out", onnx, "--reference", reference,
                            "--count", str(arguments.clips)], check=True)
            tensors, _ = read_safetensors(reference)
            inputs = {name[len("input."):]: value for name, value in tensors.items() if name.startswith("input.")}
            runs = {}
            if file == original:
                eager = f"{file}: PyTorch eager float32"
                runs[eager] = pytorch(file, inputs, arguments.clips)
            models = {"ONNX Runtime": onnxruntime_model(onnx, threads), "OpenVINO": openvino_model(onnx, threads)}
            if arguments.bfloat16:
                models["OpenVINO bfloat16"] = openvino_model(onnx, threads, "bf16")
            for name, model in models.items():
                runs[f"{file}: {name}"] = lambda model=model, inputs=inputs: model(inputs)["clips"]
            for name, run in runs.items():
                print(f"{name}: differs by at most {np.abs(run() - tensors['output.clips']).max():.1e}")
            peers.update(runs)
            for precision in ["auto"] + (["bfloat16"] if arguments.bfloat16 and file == original else []):
                own[f"{file}: vidgen {precision}"] = (file, precision)
        seconds, frames = {name: [] for name in [*peers, *own]}, {name: [] for name in own}
        for _ in range(arguments.rounds):
            for name, (file, precision) in own.items():
                batch, frame = vidgen_seconds(arguments.program, file, precision, arguments.clips, arguments.repeats)
                seconds[name].append(batch)
                frames[name].append(frame)
            for name, run in peers.items():
                for _ in range(arguments.repeats):
                    start = time.perf_counter()
                    run()
                    seconds[name].append(time.perf_counter() - start)
    base = statistics.median(seconds[eager])
    print(f"\n{arguments.clips} clips at once, {threads} threads, PyTorch {torch.__version__}, {arguments.rounds} rounds")
    width = max(map(len, seconds))
    print(f"{'':{width}}{'median ms':>11}{'min':>9}{'of eager':>10}{'ms a frame, one by one':>24}")
    for name, values in seconds.items():
        median = statistics.median(values)
        single = f"{1e3 * statistics.median(frames[name]):.2f}" if name in frames else ""
        print(f"{name:{width}}{1e3 * median:11.1f}{1e3 * min(values):9.1f}{base / median:9.2f}x{single:>24}")


if __name__ == "__main__":
    main()
