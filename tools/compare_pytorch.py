#!/usr/bin/env python3
"""Times the training step of a configuration in vidgen and in PyTorch, alternately in one run, and prints the ratio.

Needs Python with torch and PyYAML; vidgen itself does not. The PyTorch side is what its users do for speed: autocast,
channels_last, fused Adam, the generator run once for both turns, gradients set to None.

usage: tools/compare_pytorch.py --config configs/mocogan64.yaml [--set train.batch_size=8]... [--rounds 3] [--steps 4]
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import tempfile
import time

import torch
import torch.nn.functional as F
import yaml
from torch import nn

ROOT = pathlib.Path(__file__).resolve().parent.parent


class FrameGenerator(nn.Sequential):
    def __init__(self, latent, widths, channels, full_size_stage):
        layers, previous = [], latent
        for i, width in enumerate(widths):
            layers += [nn.ConvTranspose2d(previous, width, 4, 1 if i == 0 else 2, 0 if i == 0 else 1, bias=False),
                       nn.BatchNorm2d(width), nn.ReLU(True)]
            previous = width
        last = (nn.Conv2d(previous, channels, 3, 1, 1, bias=False) if full_size_stage else
                nn.ConvTranspose2d(previous, channels, 4, 2, 1, bias=False))
        super().__init__(*layers, last, nn.Tanh())


class Discriminator(nn.Sequential):
    def __init__(self, widths, channels, dims):
        conv, norm = (nn.Conv2d, nn.BatchNorm2d) if dims == 2 else (nn.Conv3d, nn.BatchNorm3d)
        stride, pad = (2, 1) if dims == 2 else ((1, 2, 2), (0, 1, 1))
        layers, previous = [], channels
        for i, width in enumerate(widths):
            layers += [conv(previous, width, 4, stride, pad, bias=False)]
            layers += ([norm(width)] if i else []) + [nn.LeakyReLU(0.2, True)]
            previous = width
        super().__init__(*layers, conv(previous, 1, 4, bias=False))


class Gan:
    """The networks of a configuration and one training step."""

    def __init__(self, config, dtype):
        data, model, train = config["data"], config["model"], config["train"]
        assert not model["generator"]["attention"], "attention is not part of this comparison"
        self.batch, self.frames, self.size = train["batch_size"], data["frames"], data["size"]
        self.temporal, self.dtype = model["temporal"], dtype
        content, motion = self.temporal["content_dim"], self.temporal["motion_dim"]
        self.motion = self.build_motion(motion)
        widths = model["generator"]["widths"]
        self.generator = FrameGenerator(content + motion, widths, 3, 4 << len(widths) > self.size)
        self.discriminators = [(d, Discriminator(d["widths"], 3, 2 if d["type"] == "frame" else 3))
                               for d in model["discriminators"]]
        self.generator.to(memory_format=torch.channels_last)
        for options, net in self.discriminators:
            net.to(memory_format=torch.channels_last if options["type"] == "frame" else torch.channels_last_3d)
        generator = [*self.generator.parameters(), *(self.motion.parameters() if self.motion else [])]
        discriminators = [p for _, net in self.discriminators for p in net.parameters()]
        self.adam_g = self.adam(generator, config["optim"]["generator"])
        self.adam_d = self.adam(discriminators, config["optim"]["discriminator"])

    def build_motion(self, dim):
        kind, hidden, layers = self.temporal["type"], self.temporal["hidden"], self.temporal["layers"]
        if kind == "gru_cell":
            return nn.GRUCell(dim, dim)
        if kind in ("lstm", "gru"):
            rnn = (nn.LSTM if kind == "lstm" else nn.GRU)(dim, hidden, layers, batch_first=True)
            return nn.ModuleDict({"rnn": rnn, "fc": nn.Linear(hidden, dim)})
        return None

    @staticmethod
    def adam(parameters, options):
        lr, eps, decay = (float(options[key]) for key in ("lr", "eps", "weight_decay"))
        return torch.optim.Adam(parameters, lr, (options["beta1"], options["beta2"]), eps, decay, fused=True)

    def autocast(self):
        return torch.autocast("cpu", self.dtype, enabled=self.dtype != torch.float32)

    def generate(self):
        dim = self.temporal["motion_dim"]
        noise, state = torch.randn(self.batch, self.frames, dim), torch.randn(self.batch, dim)
        if isinstance(self.motion, nn.GRUCell):
            path = []
            for t in range(self.frames):
                state = self.motion(noise[:, t], state)
                path.append(state)
            noise = torch.stack(path, 1)
        elif self.motion:
            noise = self.motion["fc"](self.motion["rnn"](noise)[0])
        content = torch.randn(self.batch, 1, self.temporal["content_dim"]).expand(-1, self.frames, -1)
        with self.autocast():
            frames = self.generator(torch.cat([content, noise], 2).flatten(0, 1)[:, :, None, None])
        return frames.unflatten(0, (self.batch, self.frames)).transpose(1, 2)

    def judge(self, options, net, clips):
        if options["pool"] > 1:
            clips = F.avg_pool3d(clips, (1, options["pool"], options["pool"]))
        if options["type"] == "frame":
            rows = torch.cat([torch.randperm(self.frames)[: options["frames"]] + b * self.frames
                              for b in range(self.batch)])
            clips = clips.transpose(1, 2).flatten(0, 1)[rows]
        with self.autocast():
            return net(clips).float()

    def step(self, real):
        real = real.permute(0, 4, 1, 2, 3).float().div_(127.5).sub_(1)
        fake = self.generate()
        loss = sum(F.softplus(-self.judge(o, n, real)).mean() + F.softplus(self.judge(o, n, fake.detach())).mean()
                   for o, n in self.discriminators)
        loss.backward()
        self.adam_d.step()
        self.adam_d.zero_grad()
        sum(F.softplus(-self.judge(o, n, fake)).mean() for o, n in self.discriminators).backward()
        self.adam_g.step()
        self.adam_g.zero_grad()
        self.adam_d.zero_grad()


def time_pytorch(gan, steps):
    shape = (gan.batch, gan.frames, gan.size, gan.size, 3)
    times = []
    for _ in range(steps):
        real = torch.randint(0, 256, shape, dtype=torch.uint8)
        start = time.perf_counter()
        gan.step(real)
        times.append(time.perf_counter() - start)
    return times


def time_vidgen(program, arguments, config, steps):
    """Step times of a real run, data loading and logging included; the first step warms up."""
    with tempfile.TemporaryDirectory() as folder:
        settings = [f"train.steps={steps + 1}", "train.log_every=1", "train.sample_every=0"]
        subprocess.run([program, "--quiet", "train", *arguments, *[a for s in settings for a in ("--set", s)],
                        "--run-dir", folder], check=True, stderr=subprocess.DEVNULL)
        lines = [json.loads(line) for line in open(f"{folder}/log.jsonl")]
    return [config["train"]["batch_size"] / line["clips_per_second"] for line in lines[1:]]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", required=True)
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--program", default=str(ROOT / "build/release/vidgen"))
    arguments = parser.parse_args()
    passed = ["--config", arguments.config, *[a for s in arguments.set for a in ("--set", s)]]
    resolved = subprocess.run([arguments.program, "config", *passed], check=True, capture_output=True, text=True).stdout
    config = yaml.safe_load(resolved)
    precision = config["train"]["precision"]
    assert precision in ("float32", "bfloat16"), "give --set train.precision=float32 or bfloat16, so that both do the same"
    gan = Gan(config, torch.float32 if precision == "float32" else torch.bfloat16)
    time_pytorch(gan, 1)
    times = {"PyTorch": [], "vidgen": []}
    for _ in range(arguments.rounds):
        times["vidgen"] += time_vidgen(arguments.program, passed, config, arguments.steps)
        times["PyTorch"] += time_pytorch(gan, arguments.steps)
    print(f"{arguments.config}, batch {gan.batch}, {precision}, {torch.get_num_threads()} threads, "
          f"PyTorch {torch.__version__}, {arguments.rounds} rounds of {arguments.steps} steps")
    for name, values in times.items():
        print(f"{name:8} median {statistics.median(values):.3f} s a step, "
              f"from {min(values):.3f} to {max(values):.3f}")
    print(f"vidgen is {statistics.median(times['PyTorch']) / statistics.median(times['vidgen']):.2f}x as fast")


if __name__ == "__main__":
    main()
