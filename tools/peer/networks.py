"""The networks of vidgen as PyTorch modules whose weights have the same names.

torch.unflatten in place of the tensor's method, which torch.compile cannot trace where a default device is set."""
import math

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

# How far a motion's numbers turn, stretch and shear a picture, relative to how far they move it.
TURN = 0.1
WARP_HIDDEN = 64


class SelfAttention(nn.Module):
    def __init__(self, channels, space_time):
        super().__init__()
        inner = max(1, channels // 8)
        self.query, self.key = nn.Conv2d(channels, inner, 1), nn.Conv2d(channels, inner, 1)
        self.value, self.gamma = nn.Conv2d(channels, channels, 1), nn.Parameter(torch.zeros(1))
        self.space_time = space_time

    def forward(self, x, frames):
        images = x.flatten(2, 3) if x.dim() == 5 else x
        pictures = images.shape[0] if x.dim() == 4 else x.shape[0] * x.shape[2]
        groups = x.shape[0] // frames if self.space_time else pictures
        q, k, v = (layer(images).permute(0, 2, 3, 1).reshape(groups, -1, layer.out_channels)
                   for layer in (self.query, self.key, self.value))
        out = (q @ k.transpose(1, 2)).softmax(-1) @ v
        out = out.view(images.shape[0], images.shape[2], images.shape[3], -1).permute(0, 3, 1, 2)
        return (images + self.gamma.to(out.dtype) * out).reshape(x.shape)


class ResidualBlock(nn.Module):
    """Doubles or halves pictures, of which each `frames` in a row are a clip."""

    def __init__(self, channels, width, doubles, batch_norm, over_time=False):
        super().__init__()
        bias = not batch_norm
        self.doubles, self.batch_norm = doubles, batch_norm
        self.resample = (nn.ConvTranspose2d if doubles else nn.Conv2d)(channels, width, 4, 2, 1, bias=bias)
        self.over_time = nn.Conv2d(width, width, (3, 1), padding=(1, 0)) if over_time else None
        self.conv = nn.Conv2d(width, width, 3, padding=1, bias=bias)
        self.project = nn.Conv2d(channels, width, 1, bias=False)
        if batch_norm:
            self.norm1, self.norm2 = nn.BatchNorm2d(width), nn.BatchNorm2d(width)

    def along_time(self, x, frames):
        clips = torch.unflatten(x, 0, (-1, frames)).transpose(1, 2)
        return torch.unflatten(self.over_time(clips.flatten(3)), 3, x.shape[2:]).transpose(1, 2).flatten(0, 1)

    def forward(self, x, frames):
        main = self.resample(x)
        main = F.leaky_relu(self.norm1(main) if self.batch_norm else main, 0.2, inplace=True)
        if self.over_time is not None:
            main = F.leaky_relu(self.along_time(main, frames), 0.2, inplace=True)
        main = self.conv(main)
        main = self.norm2(main) if self.batch_norm else main
        # A 1x1 convolution and a repetition of pixels may change places: this order is the cheaper one.
        skip = F.interpolate(self.project(x), scale_factor=2) if self.doubles else self.project(F.avg_pool2d(x, 2))
        return F.leaky_relu((main + skip) * math.sqrt(0.5), 0.2, inplace=True)


class MinibatchStddev(nn.Module):
    def forward(self, x, frames):
        clips = torch.unflatten(x.float(), 0, (-1, frames))
        deviation = (clips.var(0, unbiased=False) + 1e-8).sqrt().mean((1, 2, 3))
        channel = deviation.view(1, frames, 1, 1, 1).expand(clips.shape[0], -1, 1, *x.shape[2:]).flatten(0, 1)
        return torch.cat([x, channel.to(x.dtype)], 1)


class Warp(nn.Module):
    """Moves groups of channels of each slot of a clip to where they are in each frame, and adds the slots up."""

    def __init__(self, channels, code, options):
        super().__init__()
        self.slots, self.groups, self.still, self.fade = (options[key] for key in (
            "slots", "warp_groups", "warp_still", "warp_fade"))
        self.moving = self.groups - self.still
        self.motion = nn.Sequential(nn.Linear(code, WARP_HIDDEN), nn.LeakyReLU(0.2),
                                    nn.Linear(WARP_HIDDEN, (7 if self.fade else 6) * self.moving))

    def maps(self, numbers):
        scale = numbers.new_full((2, 3), TURN)
        scale[:, 2] = 1
        return torch.eye(2, 3, device=numbers.device) + torch.unflatten(numbers, -1, (self.moving, 2, 3)) * scale

    def forward(self, x, codes):
        """Pictures of slots [B*slots,C,H,W] and codes [B*slots,T,D] to frames [B*T,C,H,W]."""
        with torch.autocast(x.device.type, enabled=False):
            slots, channels, height, width = x.shape
            frames, of_group, kept = codes.shape[1], channels // self.groups, channels // self.groups * self.still
            numbers, pictures = self.motion(codes.float()), x.float()
            maps = self.maps(numbers[..., :6 * self.moving]).transpose(1, 2)
            # The frames' grids one below the other: the painting is read as it is, not copied for each of them.
            grid = F.affine_grid(maps.flatten(0, 2), (maps[..., 0, 0].numel(), of_group, height, width), align_corners=False)
            moved = F.grid_sample(pictures[:, kept:].reshape(-1, of_group, height, width),
                                  grid.view(-1, frames * height, width, 2), align_corners=False)
            moved = moved.view(slots, self.moving, of_group, frames, height, width)
            if self.fade:
                moved = moved * (1 + numbers[..., 6 * self.moving:].tanh()).transpose(1, 2)[:, :, None, :, None, None]
            parts = [moved.flatten(1, 2)]
            if self.still:
                parts.insert(0, pictures[:, :kept].unsqueeze(2))
            sums = [torch.unflatten(part, 0, (-1, self.slots)).sum(1) for part in parts]
            clips = torch.cat([part.expand(-1, -1, frames, -1, -1) for part in sums], 1)
            return clips.to(x.dtype).transpose(1, 2).flatten(0, 1)


class Stages(nn.Module):
    """Layers in a row, `main`, with `attention_<resolution>` and `warp_<resolution>` behind some of them."""

    def __init__(self, space_time):
        super().__init__()
        self.main, self.behind, self.space_time = nn.Sequential(), {}, space_time
        self.stack, self.stack_before, self.warps = 1, None, False

    def add(self, *layers):
        for layer in layers:
            self.main.append(layer)

    def add_behind(self, name, block):
        self.add_module(name, block)
        self.behind.setdefault(len(self.main) - 1, []).append(name)

    def add_attention(self, resolution, channels):
        self.add_behind(f"attention_{resolution}", SelfAttention(channels, self.space_time))

    def add_warp(self, resolution, warp):
        self.add_behind(f"warp_{resolution}", warp)
        self.warps = True

    def add_frame_stack(self, frames):
        self.stack, self.stack_before = frames, len(self.main)

    def forward(self, x, frames, codes=None):
        """Each `frames` pictures in a row are a clip; where there is a warp, the layers before see one of each slot."""
        here = 1 if self.warps else frames
        for i, layer in enumerate(self.main):
            if i == self.stack_before:
                x, here = x.reshape(-1, self.stack * x.shape[1], *x.shape[2:]), here // self.stack
            x = layer(x, here) if isinstance(layer, (ResidualBlock, MinibatchStddev)) else layer(x)
            for name in self.behind.get(i, ()):
                block = getattr(self, name)
                if isinstance(block, Warp):
                    x, here = block(x, codes), frames
                else:
                    x = block(x, here)
        return x


def frame_generator(clip_dim, code_dim, options, size, channels):
    """`clip_dim` numbers of a slot's `code_dim` are the same in all frames."""
    residual, warp_at, widths = options["type"] == "residual", options["warp_resolution"], options["widths"]
    stages, previous = Stages(options["attention_axes"] == "space_time"), clip_dim if warp_at else code_dim
    for i, width in enumerate(widths):
        resolution = 4 << i
        if residual and i:
            stages.add(ResidualBlock(previous, width, doubles=True, batch_norm=True))
        else:
            stride, pad = (1, 0) if i == 0 else (2, 1)
            stages.add(nn.ConvTranspose2d(previous, width, 4, stride, pad, bias=False), nn.BatchNorm2d(width),
                       nn.LeakyReLU(0.2, True) if residual else nn.ReLU(True))
        if resolution in options["attention"]:
            stages.add_attention(resolution, width)
        if resolution == warp_at:
            stages.add_warp(resolution, Warp(width, code_dim, options))
        previous = width
    full_size_stage = 4 << len(widths) > size
    stages.add(nn.Conv2d(previous, channels, 3, 1, 1, bias=residual) if full_size_stage else
               nn.ConvTranspose2d(previous, channels, 4, 2, 1, bias=False), nn.Tanh())
    return stages


def dcgan_discriminator(options, channels, classes):
    frames = options["type"] == "frame"
    conv, norm = (nn.Conv2d, nn.BatchNorm2d) if frames else (nn.Conv3d, nn.BatchNorm3d)
    stride, pad = (2, 1) if frames else ((1, 2, 2), (0, 1, 1))
    stages, previous = Stages(options["attention_axes"] == "space_time"), channels
    for i, width in enumerate(options["widths"]):
        stages.add(conv(previous, width, 4, stride, pad, bias=False))
        if i:
            stages.add(norm(width))
        stages.add(nn.LeakyReLU(0.2, True))
        resolution = 4 << (len(options["widths"]) - 1 - i)
        if resolution in options["attention"]:
            stages.add_attention(resolution, width)
        previous = width
    stages.add(conv(previous, 1 + classes, 4, bias=False))
    return stages


def residual_discriminator(options, channels, classes):
    resolution = 4 << len(options["widths"])
    stack_at = options["frame_stack_resolution"] or resolution
    stages, previous = Stages(options["attention_axes"] == "space_time"), channels + options["timestamps"]

    def stacked(resolution, channels):
        if resolution != stack_at:
            return channels
        stages.add_frame_stack(options["frame_stack"])
        return channels * options["frame_stack"]

    for width in options["widths"]:
        over_time = options["type"] == "clip" and resolution <= stack_at
        stages.add(ResidualBlock(stacked(resolution, previous), width, doubles=False,
                                 batch_norm=options["norm"] == "batch", over_time=over_time))
        resolution, previous = resolution // 2, width
        if resolution in options["attention"]:
            stages.add_attention(resolution, width)
    previous = stacked(resolution, previous)
    if options["minibatch_stddev"]:
        stages.add(MinibatchStddev())
        previous += 1
    stages.add(nn.Conv2d(previous, 1 + classes, 4))
    if options["norm"] == "spectral":
        for layer in [layer for layer in stages.modules() if isinstance(layer, nn.Conv2d)]:
            spectral_norm(layer)
    return stages


def discriminator(options, channels, classes):
    return (residual_discriminator if options["network"] == "residual" else dcgan_discriminator)(options, channels, classes)


class RecurrentMotion(nn.Module):
    def __init__(self, kind, dim, hidden, layers):
        super().__init__()
        self.rnn, self.fc = kind(dim, hidden, layers, batch_first=True), nn.Linear(hidden, dim)

    def forward(self, noise, initial):
        return self.fc(self.rnn(noise)[0])


class CellMotion(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.recurrent = nn.GRUCell(dim, dim)

    def forward(self, noise, initial):
        states = [initial]
        for step in noise.unbind(1):
            states.append(self.recurrent(step, states[-1]))
        return torch.stack(states[1:], 1)


class ConvolutionMotion(nn.Module):
    def __init__(self, dim, hidden, layers, kernel):
        super().__init__()
        self.main = nn.Sequential()
        for i in range(layers):
            if i:
                self.main.append(nn.LeakyReLU(0.2))
            self.main.append(nn.Conv1d(hidden if i else dim, dim if i + 1 == layers else hidden, kernel))

    def forward(self, noise, initial):
        return self.main(noise.transpose(1, 2)).transpose(1, 2)


class SinusoidalMotion(nn.Module):
    def __init__(self, dim, hidden):
        super().__init__()
        self.frequency = nn.Sequential(nn.Linear(dim // 2, hidden), nn.LeakyReLU(0.2), nn.Linear(hidden, dim // 2))

    def forward(self, noise, initial):
        phases, code = initial.chunk(2, 1)
        frequencies = math.pi / 2 * self.frequency(code).sigmoid()
        time = torch.arange(noise.shape[1], dtype=initial.dtype, device=initial.device)
        angles = frequencies.unsqueeze(1) * time.view(1, -1, 1) + math.pi * phases.unsqueeze(1)
        return math.sqrt(2) * torch.cat([angles.sin(), angles.cos()], 2)


def motion(options, dim):
    """From noise [B,T+more_noise(),dim] and [B,dim] to a path [B,T,dim]; nothing where the noise is the path."""
    hidden, layers = options["hidden"], options["layers"]
    kinds = {"none": lambda: None, "lstm": lambda: RecurrentMotion(nn.LSTM, dim, hidden, layers),
             "gru": lambda: RecurrentMotion(nn.GRU, dim, hidden, layers), "gru_cell": lambda: CellMotion(dim),
             "convolution": lambda: ConvolutionMotion(dim, hidden, layers, options["kernel"]),
             "sinusoidal": lambda: SinusoidalMotion(dim, hidden)}
    return kinds[options["type"]]()


def more_noise(options):
    return options["layers"] * (options["kernel"] - 1) if options["type"] == "convolution" else 0
