#!/usr/bin/env python3
"""Runs what `vidgen export` wrote and compares it with what the program itself computed.

usage: tools/check_export.py MODEL REFERENCE [MODEL REFERENCE ...] [--runtime NAME ...] [--tolerance X]

MODEL is the file of --out, REFERENCE that of --reference. An .onnx file is run in ONNX Runtime and OpenVINO (as in
tools/export_requirements.txt), a .pt file in PyTorch, with all clips of the reference and with the first alone. A model of steps
gives the clips frame by frame. Exits with 1 when a number differs by more than the tolerance.
"""
import argparse
import json
import struct
import sys

import numpy as np

TYPES = {"F32": "<f4", "I64": "<i8"}


def read_safetensors(path):
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = file.read()
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        tensors[name] = np.frombuffer(data[begin:end], TYPES[entry["dtype"]]).reshape(entry["shape"])
    return tensors, metadata


def onnxruntime_model(path, threads=0):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return lambda inputs: dict(zip(names, session.run(names, inputs)))


def openvino_model(path, threads=0, precision="f32"):
    import openvino

    # Without the hint OpenVINO computes in bfloat16 where the processor can.
    settings = {"INFERENCE_PRECISION_HINT": precision, "INFERENCE_NUM_THREADS": threads}
    compiled = openvino.Core().compile_model(path, "CPU", settings)

    def run(inputs):
        # An output has several names, and memory that the next call writes to.
        results = compiled(inputs)
        arrays = [(output.get_names(), np.array(results[output])) for output in compiled.outputs]
        return {name: array for names, array in arrays for name in names}

    return run


def pytorch_model(path):
    import torch

    module = torch.jit.load(path, map_location="cpu")

    def run(inputs):
        with torch.no_grad():
            outputs = module(**{name: torch.from_numpy(value.copy()) for name, value in inputs.items()})
        if isinstance(outputs, tuple):
            return {"frame": outputs[0].numpy(), "next_state": outputs[1].numpy()}
        return {"clips" if outputs.dim() == 5 else "frame": outputs.numpy()}

    return run


RUNTIMES = {"onnxruntime": onnxruntime_model, "openvino": openvino_model, "pytorch": pytorch_model}


def play(model, inputs, frames, step):
    """The clips [B,T,C,S,S]."""
    if not step:
        return model(inputs)["clips"]
    pictures = []
    for t in range(frames):
        now = dict(inputs)
        if "noise" in now:
            now["noise"] = np.ascontiguousarray(inputs["noise"][:, t])
        outputs = model(now)
        pictures.append(outputs["frame"])
        if "state" in now:
            inputs = dict(inputs, state=outputs["next_state"])
    return np.stack(pictures, 1)


def check(path, reference, runtime, tolerance):
    tensors, metadata = read_safetensors(reference)
    step = metadata["model"] == "step"
    inputs = {name[len("input."):]: value for name, value in tensors.items() if name.startswith("input.")}
    expected = tensors["output.clips"]
    first = {name: value if name == "times" else value[:1] for name, value in inputs.items()}
    model = RUNTIMES[runtime](path)
    worst = 0.0
    for given, wanted in ((inputs, expected), (first, expected[:1])):
        found = play(model, given, wanted.shape[1], step)
        if found.shape != wanted.shape:
            print(f"{path}: {runtime}: gave {list(found.shape)}, expected {list(wanted.shape)}")
            return False
        worst = max(worst, float(np.abs(found - wanted).max()))
    good = worst <= tolerance
    print(f"{path}: {runtime}: differs by at most {worst:.2e}{'' if good else f', more than {tolerance:g}'}")
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("files", nargs="+", metavar="MODEL REFERENCE")
    parser.add_argument("--runtime", action="append", choices=RUNTIMES, help="only this one; can be given again")
    parser.add_argument("--tolerance", type=float, default=1e-4)
    arguments = parser.parse_args()
    if len(arguments.files) % 2 != 0:
        parser.error("expected a reference for each model")
    good = True
    for path, reference in zip(arguments.files[::2], arguments.files[1::2]):
        own = ["pytorch"] if path.endswith(".pt") else ["onnxruntime", "openvino"]
        for runtime in arguments.runtime or own:
            good &= check(path, reference, runtime, arguments.tolerance)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
