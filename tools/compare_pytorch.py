#!/usr/bin/env python3
"""Builds the networks of a configuration in PyTorch (tools/peer/), checks that one training step from the same weights and
inputs gives the same losses and gradients as vidgen, then times both, alternately in one run, and prints the ratios.

Every recipe in configs/ can be compared; what cannot be is refused by the name of its key. The step that is checked has the
penalties. A round is timed as a whole, over a multiple of loss.penalty_every steps, so that penalties count as often as they
come. Not in PyTorch's time: loading data, drawing random numbers, the moving average of weights, the log.

Needs Python with torch and PyYAML; vidgen itself does not. PyTorch is timed in several modes: `eager` is what most
code does (float32, default layout, Adam for each parameter), `float32` and `bfloat16` are channels_last with fused
Adam, `compile` is torch.compile on top of the one of the two that has vidgen's precision. In all of them the generator
runs once for both turns, and the discriminators' weights have no gradient in the generator's.

usage: tools/compare_pytorch.py --config configs/vidgen64.yaml --set train.precision=bfloat16 [--set train.batch_size=8]...
"""
import argparse
import copy
import json
import pathlib
import re
import statistics
import struct
import subprocess
import tempfile
import time

import torch
import yaml

from peer.step import Gan, part

ROOT = pathlib.Path(__file__).resolve().parent.parent
# |vidgen - PyTorch| / |PyTorch| of a loss, and of all gradients of a network as one vector, in float32. Two correct roundings
# differ by 1e-6, but for values so near the kink of a ReLU, or the edge between two pixels that a warp reads, that they fall to
# different sides: in batches of 4, float32 and float64 of PyTorch differ by up to 1e-3 in mocogan64 and 1e-2 in tiny32_laptop,
# by 1e-6 with most seeds. The discriminators stay as they are in this step: Adam's first update has the length of the learning
# rate however small a gradient is, so its sign can be a matter of rounding.
TOLERANCE = 2e-2


def default_widths(config):
    """The widths of every network, where the configuration leaves them to vidgen."""
    def widths(size):
        count = (size // 4).bit_length() - 1
        return [min(64 << i, 512) for i in range(count)]
    model, size = config["model"], config["data"]["size"]
    if not model["generator"]["widths"]:
        model["generator"]["widths"] = widths(size)[::-1] + ([32] if model["generator"]["type"] == "residual" else [])
    for options in model["discriminators"]:
        options["widths"] = options["widths"] or widths(size // options["pool"])


def refuse_what_is_not_compared(config):
    train = config["train"]
    precision = train["precision"]
    scaler = "on" if train["scaler"]["mode"] == "on" else "off"
    for key, found, expected in (("train.accumulate", train["accumulate"], 1), ("train.scaler.mode", scaler, "off"),
                                 ("train.cuda_graph", train["cuda_graph"], False),
                                 ("distill.teacher", config["distill"]["teacher"], "")):
        if found != expected:
            raise SystemExit(f"compare_pytorch.py: {key}: found {found}, expected {expected}, which is all that is compared")
    if precision not in ("float32", "bfloat16"):
        raise SystemExit(f"compare_pytorch.py: train.precision: found {precision}, expected float32 or bfloat16 (--set)")


def output_of(command):
    """What a program puts out; where it fails it has said why."""
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise SystemExit(done.returncode)
    return done.stdout


def read_safetensors(path):
    types = {"F32": torch.float32, "I64": torch.int64, "U8": torch.uint8}
    data = bytearray(pathlib.Path(path).read_bytes())
    length = struct.unpack("<Q", data[:8])[0]
    tensors = {}
    for name, line in json.loads(data[8:8 + length]).items():
        if name != "__metadata__":
            begin, end = (8 + length + offset for offset in line["data_offsets"])
            kind = {"dtype": types[line["dtype"]]}
            flat = torch.frombuffer(data[begin:end], **kind) if end > begin else torch.empty(0, **kind)
            tensors[name] = flat.view(line["shape"])
    return tensors


def vidgen_name(name):
    """What vidgen calls a weight: torch.nn.utils.parametrizations moves those with spectral normalisation."""
    name = re.sub(r"\.parametrizations\.weight\.0\._([uv])$", r".weight_\1", name)
    return name.replace(".parametrizations.weight.original", ".weight")


def load(gan, before):
    gan.load_state_dict({name: before[vidgen_name(name)] for name in gan.state_dict()})
    return gan


def set_tf32(allowed):
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = allowed


def write_step(program, passed):
    """The first step of vidgen in float32: what goes in and what comes out."""
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/step.safetensors"
        settings = ["train.precision=float32", "train.tf32=false", "optim.warmup_steps=0", "optim.discriminator.lr=0"]
        output_of([program, "--quiet", "bench", "train", *passed, *[a for s in settings for a in ("--set", s)], "--step", path])
        return {name: value.to(torch.get_default_device()) for name, value in read_safetensors(path).items()}


def check_step(file, config):
    """The same step in PyTorch, from the weights and inputs that vidgen writes."""
    set_tf32(False)
    config = copy.deepcopy(config)
    config["optim"]["discriminator"]["lr"] = 0
    gan = load(Gan(config, "float32", torch.float32), part(file, "before."))
    worst, metrics = {}, gan.step(part(file, "in."))
    missing = [name for name in part(file, "metric.loss_") if f"loss_{name}" not in metrics]
    assert not missing, f"PyTorch's step lacks {missing}"
    for name, value in metrics.items():
        worst[name] = ((file[f"metric.{name}"] - value).abs() / value.abs().clamp_min(1e-12)).item()
    for name, network, adam in (("discriminator", gan.discriminator, gan.adam_d), ("generator", gan.generator, gan.adam_g)):
        want = {key: adam.state[parameter]["exp_avg"] for key, parameter in network.named_parameters()}
        got = {key: file[f"after.optimizer.{name}.{vidgen_name(key)}.exp_avg"] for key in want}
        norm = lambda tensors: sum(tensor.double().square().sum() for tensor in tensors).sqrt().item()
        worst[f"gradients of the {name}"] = norm(got[key] - want[key] for key in want) / norm(want.values())
    for what, difference in worst.items():
        print(f"{what}: relative difference at most {difference:.1e}")
        assert difference < TOLERANCE, (f"vidgen and PyTorch differ in {what} by more than {TOLERANCE}, "
                                        "which may be rounding if they do so with few values of train.seed")


def time_pytorch(gan, steps):
    """Seconds of each step."""
    times = []
    for _ in range(steps):
        given = gan.draw()
        start = time.perf_counter()
        gan.step(given)
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    return times


def time_vidgen(program, passed, config, steps):
    """Seconds of each step of a real run, data loading and logging included; the first step warms up."""
    with tempfile.TemporaryDirectory() as folder:
        settings = [f"train.steps={steps + 1}", "train.minutes=0", "train.log_every=1", "train.sample_every=0",
                    "train.evaluate.every=0"]
        subprocess.run([program, "--quiet", "train", *passed, *[a for s in settings for a in ("--set", s)],
                        "--run-dir", folder], check=True, stderr=subprocess.DEVNULL)
        lines = [json.loads(line) for line in open(f"{folder}/log.jsonl")]
    return [config["train"]["batch_size"] / line["clips_per_second"] for line in lines if line["step"] > 1]


def start_peers(modes, config, before):
    """The modes that run here, warmed up by steps with and without the penalties."""
    dtypes = {"eager": torch.float32, "float32": torch.float32, "bfloat16": torch.bfloat16,
              "compile": getattr(torch, config["train"]["precision"])}
    peers = {}
    for mode in modes:
        gan = load(Gan(config, mode, dtypes[mode]), before)
        try:
            time_pytorch(gan, config["loss"]["penalty_every"] + 1 if gan.penalises else 2)
        except Exception as error:
            if mode != "compile":
                raise
            print(f"compile: left out, torch.compile fails: {str(error).strip().splitlines()[0]}")
            continue
        peers[mode] = gan
    return peers


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", required=True)
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument("--modes", default="eager,float32,bfloat16",
                        help="some of eager, float32, bfloat16, compile (which takes minutes to compile); none: only check")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"], help="where both compute")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=4, help="of a round; made a multiple of loss.penalty_every")
    parser.add_argument("--program", default=str(ROOT / "build/release/vidgen"))
    arguments = parser.parse_args()
    arguments.set.append(f"train.device={arguments.device}")
    torch.set_default_device(arguments.device)
    passed = ["--config", arguments.config, *[a for s in arguments.set for a in ("--set", s)]]
    config = yaml.safe_load(output_of([arguments.program, "config", *passed]))
    refuse_what_is_not_compared(config)
    default_widths(config)
    file = write_step(arguments.program, passed)
    before = part(file, "before.")
    if config["data"]["classes"]:
        config["model"]["class_names"] = [str(i) for i in range(len(before["generator.classes.weight"]))]
    check_step(file, config)
    if arguments.modes in ("", "none"):
        return
    set_tf32(config["train"]["tf32"])
    torch.backends.cudnn.benchmark = config["train"]["cudnn_benchmark"]

    peers = start_peers(arguments.modes.split(","), config, before)
    every = config["loss"]["penalty_every"] if any(gan.penalises for gan in peers.values()) else 1
    steps = -(-arguments.steps // every) * every
    seconds = {"vidgen": [], **{mode: [] for mode in peers}}
    for _ in range(arguments.rounds):
        seconds["vidgen"].append(statistics.mean(time_vidgen(arguments.program, passed, config, steps)))
        for mode, gan in peers.items():
            seconds[mode].append(statistics.mean(time_pytorch(gan, steps)))
    print(f"{arguments.config}, batch {config['train']['batch_size']}, vidgen in {config['train']['precision']}, "
          f"{arguments.device}, {torch.get_num_threads()} threads, PyTorch {torch.__version__}, {arguments.rounds} rounds of {steps} steps")
    own = statistics.median(seconds["vidgen"])
    print(f"{'seconds a step':18}{'median':>10}{'min':>8}{'max':>8}{'vidgen is':>12}")
    for name, values in seconds.items():
        label = name if name == "vidgen" else f"PyTorch {name}"
        ratio = "" if name == "vidgen" else f"{statistics.median(values) / own:.2f}x"
        print(f"{label:18}{statistics.median(values):10.3f}{min(values):8.3f}{max(values):8.3f}{ratio:>12}")


if __name__ == "__main__":
    main()
