#!/usr/bin/env python3
"""Builds the networks of a configuration in PyTorch, checks that one training step from the same weights and inputs
gives the same losses and gradients as vidgen, then times both, alternately in one run, and prints the ratios.

Needs Python with torch and PyYAML; vidgen itself does not. PyTorch is timed in several modes: `eager` is what most
code does (float32, default layout, Adam for each parameter), `float32` and `bfloat16` are channels_last with fused
Adam, `compile` is torch.compile on top of the one of the two that has vidgen's precision. The generator runs once for
both turns in all of them.

usage: tools/compare_pytorch.py --config configs/mocogan64.yaml [--set train.batch_size=8]... [--modes eager,float32]
"""
import argparse
import copy
import json
import pathlib
import statistics
import struct
import subprocess
import tempfile
import time

import torch
import torch.nn.functional as F
import yaml
from torch import nn

ROOT = pathlib.Path(__file__).resolve().parent.parent
# |vidgen - PyTorch| / |PyTorch| of a loss, and of all gradients of a network as one vector, in float32. Two correct roundings
# differ by 1e-6, but for values so near the kink of a ReLU that they fall to different sides: float32 and float64 of PyTorch
# differ by up to 6e-4 in mocogan64. The discriminators stay as they are in this step: Adam's first update has the
# length of the learning rate however small a gradient is, so its sign can be a matter of rounding.
TOLERANCE = 2e-2


class SelfAttention(nn.Module):
    def __init__(self, channels, space_time):
        super().__init__()
        inner = max(1, channels // 8)
        self.query, self.key = nn.Conv2d(channels, inner, 1), nn.Conv2d(channels, inner, 1)
        self.value, self.gamma = nn.Conv2d(channels, channels, 1), nn.Parameter(torch.zeros(1))
        self.space_time = space_time

    def forward(self, x, clips):
        images = x.flatten(2, 3) if x.dim() == 5 else x
        pictures = images.shape[0] if x.dim() == 4 else x.shape[0] * x.shape[2]
        groups = clips if self.space_time else pictures
        q, k, v = (layer(images).permute(0, 2, 3, 1).reshape(groups, -1, layer.out_channels)
                   for layer in (self.query, self.key, self.value))
        out = (q @ k.transpose(1, 2)).softmax(-1) @ v
        out = out.view(images.shape[0], images.shape[2], images.shape[3], -1).permute(0, 3, 1, 2)
        return (images + self.gamma.to(out.dtype) * out).reshape(x.shape)


class Stages(nn.Module):
    """Layers in a row, `main`, with `attention_<resolution>` behind some of them."""

    def __init__(self, space_time):
        super().__init__()
        self.main, self.behind, self.space_time = nn.Sequential(), {}, space_time

    def add(self, *layers):
        for layer in layers:
            self.main.append(layer)

    def add_attention(self, resolution, channels):
        name = f"attention_{resolution}"
        self.add_module(name, SelfAttention(channels, self.space_time))
        self.behind[len(self.main) - 1] = name

    def forward(self, x, clips):
        for i, layer in enumerate(self.main):
            x = layer(x)
            if i in self.behind:
                x = getattr(self, self.behind[i])(x, clips)
        return x


def frame_generator(latent, options, size):
    stages, previous, widths = Stages(options["attention_axes"] == "space_time"), latent, options["widths"]
    for i, width in enumerate(widths):
        stride, pad = (1, 0) if i == 0 else (2, 1)
        stages.add(nn.ConvTranspose2d(previous, width, 4, stride, pad, bias=False), nn.BatchNorm2d(width), nn.ReLU(True))
        if 4 << i in options["attention"]:
            stages.add_attention(4 << i, width)
        previous = width
    full_size_stage = 4 << len(widths) > size
    stages.add(nn.Conv2d(previous, 3, 3, 1, 1, bias=False) if full_size_stage else
               nn.ConvTranspose2d(previous, 3, 4, 2, 1, bias=False), nn.Tanh())
    return stages


def discriminator(options):
    frames = options["type"] == "frame"
    conv, norm = (nn.Conv2d, nn.BatchNorm2d) if frames else (nn.Conv3d, nn.BatchNorm3d)
    stride, pad = (2, 1) if frames else ((1, 2, 2), (0, 1, 1))
    stages, previous = Stages(options["attention_axes"] == "space_time"), 3
    for i, width in enumerate(options["widths"]):
        stages.add(conv(previous, width, 4, stride, pad, bias=False))
        if i:
            stages.add(norm(width))
        stages.add(nn.LeakyReLU(0.2, True))
        resolution = 4 << (len(options["widths"]) - 1 - i)
        if resolution in options["attention"]:
            stages.add_attention(resolution, width)
        previous = width
    stages.add(conv(previous, 1, 4, bias=False))
    return stages


def default_widths(config):
    """The widths of every network, where the configuration leaves them to vidgen."""
    def widths(size):
        count = (size // 4).bit_length() - 1
        return [min(64 << i, 512) for i in range(count)]
    model, size = config["model"], config["data"]["size"]
    if not model["generator"]["widths"]:
        model["generator"]["widths"] = widths(size)[::-1]
    for options in model["discriminators"]:
        options["widths"] = options["widths"] or widths(size // options["pool"])


def refuse_what_is_not_compared(config):
    loss, augment, model = config["loss"], config["augment"], config["model"]
    networks = [(f"model.discriminators[{i}].network", options["network"], "dcgan")
                for i, options in enumerate(model["discriminators"])]
    motion = model["temporal"]["type"]
    networks.append(("model.temporal.type", motion, "another type" if motion == "convolution" else motion))
    for key, found, expected in (("model.generator.type", model["generator"]["type"], "dcgan"), *networks,
                                 ("data.color", config["data"]["color"], "rgb"),
                                 ("data.classes", config["data"]["classes"], False),
                                 ("train.frames", config["train"]["frames"], 0),
                                 ("loss.type", loss["type"], "non_saturating"), ("loss.r1", loss["r1"], 0),
                                 ("loss.r2", loss["r2"], 0), ("loss.gradient_penalty", loss["gradient_penalty"], 0),
                                 *((f"augment.{key}", augment[key], 0) for key in ("color", "translation", "cutout"))):
        if found != expected:
            raise SystemExit(f"compare_pytorch.py: {key}: found {found}, expected {expected}, which is all that is compared")


class Gan(nn.Module):
    """The networks of a configuration and one training step."""

    def __init__(self, config, mode, dtype):
        super().__init__()
        data, model, train = config["data"], config["model"], config["train"]
        self.options, self.config, self.dtype = model["discriminators"], config, dtype
        self.batch, self.frames, self.size = train["batch_size"], data["frames"], data["size"]
        self.temporal_options = model["temporal"]
        content, motion = self.temporal_options["content_dim"], self.temporal_options["motion_dim"]
        self.generator = nn.ModuleDict({"frame": frame_generator(content + motion, model["generator"], self.size)})
        if self.temporal_options["type"] != "none":
            self.generator["temporal"] = self.build_motion(motion)
        self.discriminator = nn.ModuleList(nn.ModuleDict({"net": discriminator(d)}) for d in self.options)
        if mode != "eager":
            self.generator["frame"].to(memory_format=torch.channels_last)
            for options, net in zip(self.options, self.discriminator):
                net.to(memory_format=torch.channels_last if options["type"] == "frame" else torch.channels_last_3d)
        self.fused = mode != "eager"
        self.adam_g = self.adam(self.generator.parameters(), config["optim"]["generator"])
        self.adam_d = self.adam(self.discriminator.parameters(), config["optim"]["discriminator"])
        if mode == "compile":
            for module in (self.generator["frame"], *(d["net"] for d in self.discriminator)):
                module.compile()

    def build_motion(self, dim):
        kind, hidden, layers = (self.temporal_options[key] for key in ("type", "hidden", "layers"))
        if kind == "gru_cell":
            return nn.ModuleDict({"recurrent": nn.GRUCell(dim, dim)})
        rnn = (nn.LSTM if kind == "lstm" else nn.GRU)(dim, hidden, layers, batch_first=True)
        return nn.ModuleDict({"rnn": rnn, "fc": nn.Linear(hidden, dim)})

    def adam(self, parameters, options):
        lr, eps, decay = (float(options[key]) for key in ("lr", "eps", "weight_decay"))
        kind = torch.optim.AdamW if options["type"] == "adamw" else torch.optim.Adam
        return kind(parameters, lr, (options["beta1"], options["beta2"]), eps, decay, fused=self.fused)

    def autocast(self):
        return torch.autocast(torch.get_default_device().type, self.dtype, enabled=self.dtype != torch.float32)

    def draw(self):
        """What a step takes in, at random."""
        frame = [i for i, options in enumerate(self.options) if options["type"] == "frame"]
        rows = lambda i: torch.stack([torch.randperm(self.frames)[: self.options[i]["frames"]] for _ in range(self.batch)])
        motion = self.temporal_options["motion_dim"]
        return {"clips": torch.randint(0, 256, (self.batch, self.frames, self.size, self.size, 3), dtype=torch.uint8),
                "content": torch.randn(self.batch, self.temporal_options["content_dim"]),
                "noise": torch.randn(self.batch, self.frames, motion), "initial": torch.randn(self.batch, motion),
                **{f"frames.{turn}.{i}": rows(i) for turn in ("real", "fake") for i in frame}}

    def generate(self, given):
        path = given["noise"]
        temporal = self.generator["temporal"] if "temporal" in self.generator else None
        if temporal and "recurrent" in temporal:
            states = [given["initial"]]
            for step in path.unbind(1):
                states.append(temporal["recurrent"](step, states[-1]))
            path = torch.stack(states[1:], 1)
        elif temporal:
            path = temporal["fc"](temporal["rnn"](path)[0])
        content = given["content"].unsqueeze(1).expand(-1, self.frames, -1)
        with self.autocast():
            frames = self.generator["frame"](torch.cat([content, path], 2).flatten(0, 1)[:, :, None, None], self.batch)
        return frames.unflatten(0, (self.batch, self.frames)).transpose(1, 2)

    def judge(self, i, clips, given, turn):
        options = self.options[i]
        if options["type"] == "frame":
            rows = given[f"frames.{turn}.{i}"] + torch.arange(self.batch).unsqueeze(1) * self.frames
            clips = clips.transpose(1, 2).flatten(0, 1)[rows.flatten()]
            clips = F.avg_pool2d(clips, options["pool"]) if options["pool"] > 1 else clips
        elif options["pool"] > 1:
            # Frame by frame: avg_pool3d knows no bfloat16 on the CPU.
            pooled = F.avg_pool2d(clips.transpose(1, 2).flatten(0, 1), options["pool"])
            clips = pooled.unflatten(0, (self.batch, self.frames)).transpose(1, 2)
        with self.autocast():
            return self.discriminator[i]["net"](clips, self.batch).float()

    def step(self, given):
        """Returns the losses; the gradients stay in the optimisers' first moments."""
        real = given["clips"].permute(0, 4, 1, 2, 3).float().div_(127.5).sub_(1)
        fake = self.generate(given)
        loss_d = sum(F.softplus(-self.judge(i, real, given, "real")).mean()
                     + F.softplus(self.judge(i, fake.detach(), given, "fake")).mean() for i in range(len(self.options)))
        loss_d.backward()
        self.adam_d.step()
        self.adam_d.zero_grad()
        loss_g = sum(F.softplus(-self.judge(i, fake, given, "fake")).mean() * options["weight"]
                     for i, options in enumerate(self.options))
        loss_g.backward()
        self.adam_g.step()
        self.adam_g.zero_grad()
        self.adam_d.zero_grad()
        return {"loss_d": loss_d.detach(), "loss_g": loss_g.detach()}


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


def set_tf32(allowed):
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = allowed


def check_step(program, passed, config):
    """One step in both, in float32, from the weights and inputs that vidgen writes."""
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/step.safetensors"
        subprocess.run([program, "--quiet", "bench", "train", *passed, "--set", "train.precision=float32", "--set",
                        "train.tf32=false", "--set", "optim.warmup_steps=0", "--set", "optim.clip_grad_norm=0", "--set",
                        "optim.discriminator.lr=0", "--step", path], check=True)
        file = read_safetensors(path)
    part = lambda prefix: {name[len(prefix):]: value.to(torch.get_default_device())
                           for name, value in file.items() if name.startswith(prefix)}
    set_tf32(False)
    config = copy.deepcopy(config)
    config["optim"]["discriminator"]["lr"] = 0
    gan, before = Gan(config, "float32", torch.float32), part("before.")
    gan.load_state_dict({name: before[name] for name in gan.state_dict()})
    losses = gan.step(part("in."))
    worst = {"loss": max(abs(file[f"metric.{name}"] / value.cpu() - 1).item() for name, value in losses.items())}
    for name, network, adam in (("discriminator", gan.discriminator, gan.adam_d), ("generator", gan.generator, gan.adam_g)):
        want = {key: adam.state[parameter]["exp_avg"].cpu() for key, parameter in network.named_parameters()}
        got = {key: file[f"after.optimizer.{name}.{key}.exp_avg"] for key in want}
        norm = lambda tensors: sum(tensor.double().square().sum() for tensor in tensors).sqrt().item()
        worst[f"gradients of the {name}"] = norm(got[key] - want[key] for key in want) / norm(want.values())
    for what, difference in worst.items():
        print(f"{what}: relative difference at most {difference:.1e}")
        assert difference < TOLERANCE, f"vidgen and PyTorch differ in the {what} by more than {TOLERANCE}"


def time_pytorch(gan, steps):
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
    """Step times of a real run, data loading and logging included; the first step warms up."""
    with tempfile.TemporaryDirectory() as folder:
        settings = [f"train.steps={steps + 1}", "train.log_every=1", "train.sample_every=0"]
        subprocess.run([program, "--quiet", "train", *passed, *[a for s in settings for a in ("--set", s)],
                        "--run-dir", folder], check=True, stderr=subprocess.DEVNULL)
        lines = [json.loads(line) for line in open(f"{folder}/log.jsonl")]
    return [config["train"]["batch_size"] / line["clips_per_second"] for line in lines[1:]]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", required=True)
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument("--modes", default="eager,float32,bfloat16",
                        help="some of eager, float32, bfloat16, compile (which takes minutes to compile)")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"], help="where both compute")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--program", default=str(ROOT / "build/release/vidgen"))
    arguments = parser.parse_args()
    arguments.set.append(f"train.device={arguments.device}")
    torch.set_default_device(arguments.device)
    passed = ["--config", arguments.config, *[a for s in arguments.set for a in ("--set", s)]]
    resolved = subprocess.run([arguments.program, "config", *passed], check=True, capture_output=True, text=True).stdout
    config = yaml.safe_load(resolved)
    refuse_what_is_not_compared(config)
    default_widths(config)
    precision = config["train"]["precision"]
    assert precision in ("float32", "bfloat16"), "give --set train.precision=float32 or bfloat16"
    check_step(arguments.program, passed, config)
    set_tf32(config["train"]["tf32"])
    torch.backends.cudnn.benchmark = config["train"]["cudnn_benchmark"]

    dtypes = {"eager": torch.float32, "float32": torch.float32, "bfloat16": torch.bfloat16,
              "compile": getattr(torch, precision)}
    times = {"vidgen": []}
    peers = {}
    for mode in arguments.modes.split(","):
        peers[mode], times[mode] = Gan(config, mode, dtypes[mode]), []
        time_pytorch(peers[mode], 2)
    for _ in range(arguments.rounds):
        times["vidgen"] += time_vidgen(arguments.program, passed, config, arguments.steps)
        for mode, gan in peers.items():
            times[mode] += time_pytorch(gan, arguments.steps)
    print(f"{arguments.config}, batch {config['train']['batch_size']}, vidgen in {precision}, "
          f"{arguments.device}, {torch.get_num_threads()} threads, PyTorch {torch.__version__}, {arguments.rounds} rounds of {arguments.steps} steps")
    own = statistics.median(times["vidgen"])
    print(f"{'':18}{'median s':>10}{'min':>8}{'max':>8}{'vidgen is':>12}")
    for name, values in times.items():
        label = name if name == "vidgen" else f"PyTorch {name}"
        ratio = "" if name == "vidgen" else f"{statistics.median(values) / own:.2f}x"
        print(f"{label:18}{statistics.median(values):10.3f}{min(values):8.3f}{max(values):8.3f}{ratio:>12}")


if __name__ == "__main__":
    main()
