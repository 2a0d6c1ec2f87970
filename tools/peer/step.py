"""One training step of vidgen in PyTorch."""
import torch
import torch.nn.functional as F
from torch import nn

from peer import networks

LOSSES = {  # of a discriminator and of the generator, from logits
    "non_saturating": (lambda real, fake: F.softplus(-real).mean() + F.softplus(fake).mean(),
                       lambda real, fake: F.softplus(-fake).mean()),
    "hinge": (lambda real, fake: F.relu(1 - real).mean() + F.relu(1 + fake).mean(), lambda real, fake: -fake.mean()),
    "least_squares": (lambda real, fake: ((real - 1).square().mean() + fake.square().mean()) / 2,
                      lambda real, fake: (fake - 1).square().mean() / 2),
    "wasserstein": (lambda real, fake: fake.mean() - real.mean(), lambda real, fake: -fake.mean()),
    "relativistic": (lambda real, fake: F.softplus(fake - real).mean(), lambda real, fake: F.softplus(real - fake).mean())}


def augment(options, clips, draws, probability):
    """Clips [B,C,T,H,W] with what the draws say, each with this probability."""
    applied = draws["chance"] < probability
    height, width = clips.shape[3:]
    if options["color"]:
        amounts = (draws["color"] - 0.5) * options["color"] * applied[:, :3]
        brightness, saturation, contrast = amounts.view(-1, 3, 1, 1, 1, 1).unbind(1)
        saturation, contrast = 1 + 2 * saturation, 1 + contrast
        grey = clips.mean(1, keepdim=True)
        rest = grey * (contrast * (1 - saturation)) + brightness + grey.mean((1, 2, 3, 4), keepdim=True) * (1 - contrast)
        clips = clips * (contrast * saturation) + rest
    if options["translation"]:
        def places(draw, size):
            most = int(options["translation"] * size + 0.5)
            shift = ((draw * (2 * most + 1)).floor().long() - most) * applied[:, 3]
            return torch.arange(size, device=clips.device) + shift[:, None]
        rows, columns = places(draws["translation"][:, 0], height), places(draws["translation"][:, 1], width)
        inside = ((rows >= 0) & (rows < height))[:, :, None] & ((columns >= 0) & (columns < width))[:, None]
        index = rows.clamp(0, height - 1)[:, :, None] * width + columns.clamp(0, width - 1)[:, None]
        pixels = clips.movedim(1, 4).flatten(2, 3)
        moved = pixels.gather(2, index.view(-1, 1, height * width, 1).expand_as(pixels))
        clips = moved.unflatten(2, (height, width)).movedim(4, 1) * inside[:, None, None]
    if options["cutout"]:
        def within(draw, size):
            side = int(options["cutout"] * size + 0.5)
            middle = (draw * (size + 1 - side % 2)).floor().long()
            places = torch.arange(size, device=clips.device) - (middle - side // 2)[:, None]
            return (places >= 0) & (places < side)
        rows, columns = within(draws["cutout"][:, 0], height), within(draws["cutout"][:, 1], width)
        clips = clips * ~(rows[:, :, None] & columns[:, None] & applied[:, 4, None, None])[:, None, None]
    return clips


def part(given, prefix):
    return {name[len(prefix):]: value for name, value in given.items() if name.startswith(prefix)}


def select_frames(clips, rows):
    """The frames [B,k] of clips whose dimensions begin with B and T."""
    first = torch.arange(len(rows), device=rows.device).unsqueeze(1) * clips.shape[1]
    return clips.flatten(0, 1).index_select(0, (rows + first).flatten()).unflatten(0, rows.shape)


def split_slots(x, slots):
    """[B,D] or [B,T,D] as [B*slots,D/slots] or [B*slots,T,D/slots]."""
    return x.unflatten(-1, (slots, -1)).movedim(-2, 1).flatten(0, 1)


class Gan(nn.Module):
    """The networks of a configuration and one training step."""

    def __init__(self, config, mode, dtype):
        super().__init__()
        data, model, train = config["data"], config["model"], config["train"]
        self.options, self.config, self.dtype, self.steps = model["discriminators"], config, dtype, 0
        self.loss, self.augmentation = config["loss"], config["augment"]
        self.penalises = any(self.loss[key] for key in ("r1", "r2", "gradient_penalty"))
        self.augments = any(self.augmentation[key] for key in ("color", "translation", "cutout"))
        self.batch, self.frames, self.size = train["batch_size"], data["frames"], data["size"]
        self.channels, self.temporal_options = 3 if data["color"] == "rgb" else 1, model["temporal"]
        self.classes, self.slots = len(model["class_names"]), model["generator"]["slots"]
        clip_dim = self.temporal_options["content_dim"] // self.slots + (model["class_dim"] if self.classes else 0)
        motion_dim = self.temporal_options["motion_dim"] // self.slots
        frame = networks.frame_generator(clip_dim, clip_dim + motion_dim, model["generator"], self.size, self.channels)
        self.warps, self.generator = frame.warps, nn.ModuleDict({"frame": frame})
        temporal = networks.motion(self.temporal_options, motion_dim)
        if temporal:
            self.generator["temporal"] = temporal
        if self.classes:
            self.generator["classes"] = nn.Embedding(self.classes, model["class_dim"])
        self.discriminator = nn.ModuleList(
            nn.ModuleDict({"net": networks.discriminator(d, self.channels, self.classes)}) for d in self.options)
        if mode != "eager":
            formats = {4: torch.channels_last, 5: torch.channels_last_3d}
            for parameter in self.parameters():
                parameter.data = parameter.data.contiguous(memory_format=formats.get(parameter.dim(), torch.contiguous_format))
        probability = 0.0 if self.augmentation["target"] else self.augmentation["probability"]
        self.register_buffer("probability", torch.tensor(probability), persistent=False)
        self.fused = mode != "eager"
        self.adam_g = self.adam(self.generator.parameters(), config["optim"]["generator"])
        self.adam_d = self.adam(self.discriminator.parameters(), config["optim"]["discriminator"])
        if mode == "compile":
            # One compilation for each network, turn and layout: sizes do not change otherwise.
            torch._dynamo.config.recompile_limit = 64
            for module in (self.generator["frame"], *(d["net"] for d in self.discriminator)):
                module.compile(dynamic=False)

    def adam(self, parameters, options):
        lr, eps, decay = (float(options[key]) for key in ("lr", "eps", "weight_decay"))
        kind = torch.optim.AdamW if options["type"] == "adamw" else torch.optim.Adam
        return kind(parameters, lr, (options["beta1"], options["beta2"]), eps, decay, fused=self.fused)

    def update(self, adam):
        if self.config["optim"]["clip_grad_norm"] > 0:
            nn.utils.clip_grad_norm_(adam.param_groups[0]["params"], self.config["optim"]["clip_grad_norm"])
        adam.step()
        adam.zero_grad()

    def autocast(self):
        return torch.autocast(torch.get_default_device().type, self.dtype, enabled=self.dtype != torch.float32)

    def draw(self):
        """What a step takes in, at random, under the names of vidgen's step file."""
        batch, motion, seen = self.batch, self.temporal_options["motion_dim"], self.config["train"]["frames"] or self.frames
        noise_frames = self.frames + networks.more_noise(self.temporal_options)
        clips = torch.randint(0, 256, (batch, self.frames, self.size, self.size, self.channels), dtype=torch.uint8)
        given = {"clips": clips, "content": torch.randn(batch, self.temporal_options["content_dim"]),
                 "noise": torch.randn(batch, noise_frames, motion), "initial": torch.randn(batch, motion)}
        if self.classes:
            given["labels"] = torch.randint(0, self.classes, (batch,))
        for turn in ("real", "fake"):
            if seen < self.frames:
                longest = (self.frames - 1) // (seen - 1) if seen > 1 else 1
                distance = torch.randint(1, longest + 1, (batch, 1))
                first = (torch.rand(batch, 1) * (self.frames - (seen - 1) * distance)).long()
                given[f"times.{turn}"] = first + torch.arange(seen) * distance
            for i, options in enumerate(self.options):
                if options["type"] == "frame":
                    rows = [torch.randperm(seen)[: options["frames"]] for _ in range(batch)]
                    given[f"frames.{turn}.{i}"] = torch.stack(rows)
            if self.augments:
                given |= {f"augment.{turn}.{key}": torch.rand(batch, count) for key, count in (
                    ("color", 3), ("translation", 2), ("cutout", 2), ("chance", 5))}
        if self.loss["gradient_penalty"]:
            given |= {f"mix.{i}": torch.rand(batch * (options["frames"] if options["type"] == "frame" else 1))
                      for i, options in enumerate(self.options)}
        return given

    def generate(self, given):
        """Clips [B,C,T,H,W]."""
        content, path, initial = (split_slots(given[key], self.slots) for key in ("content", "noise", "initial"))
        batch = len(given["content"])
        if "temporal" in self.generator:
            path = self.generator["temporal"](path, initial)
        if self.classes:
            codes = self.generator["classes"](given["labels"])
            content = torch.cat([content, codes.repeat_interleave(self.slots, 0)], 1)
        if "times.fake" in given:
            times = given["times.fake"].repeat_interleave(self.slots, 0)
            path = path.gather(1, times.unsqueeze(2).expand(-1, -1, path.shape[2]))
        frames = path.shape[1]
        codes = torch.cat([content.unsqueeze(1).expand(-1, frames, -1), path], 2)
        with self.autocast():
            rows = content if self.warps else codes.flatten(0, 1)
            pictures = self.generator["frame"](rows[:, :, None, None], frames, codes)
        return pictures.unflatten(0, (batch, frames)).transpose(1, 2)

    def augmented(self, clips, given, turn):
        if not self.augments:
            return clips
        return augment(self.augmentation, clips.float(), part(given, f"augment.{turn}."), self.probability)

    def samples(self, i, clips, given, turn):
        """What discriminator i scores one by one: pictures [B*k,C,H,W], or clips."""
        if self.options[i]["type"] == "clip":
            return clips
        rows = given[f"frames.{turn}.{i}"]
        return select_frames(clips.permute(0, 2, 3, 4, 1), rows).permute(0, 1, 4, 2, 3).flatten(0, 1)

    def logits(self, i, net, samples, given, turn):
        options, clips = self.options[i], samples.dim() == 5
        pictures = samples.transpose(1, 2).flatten(0, 1) if clips else samples
        frames = len(pictures) // self.batch
        if options["pool"] > 1:
            pictures = F.avg_pool2d(pictures, options["pool"])
        if options["timestamps"]:
            times = given.get(f"times.{turn}")
            times = torch.arange(frames).expand(self.batch, -1) if times is None else times
            since = ((times - times[:, :1]) / 16).to(pictures.dtype).view(-1, 1, 1, 1)
            pictures = torch.cat([pictures, since.expand(-1, 1, *pictures.shape[2:])], 1)
        if clips and options["network"] == "dcgan":
            rows = net(pictures.unflatten(0, (self.batch, frames)).transpose(1, 2), 1)
        else:
            rows = net(pictures, frames)
        if self.classes:
            labels = given["labels"].repeat_interleave(len(rows) // self.batch)
            rows = rows[:, :1] + rows[torch.arange(len(rows)), labels + 1].unsqueeze(1)
        return rows.flatten().float()

    def judge(self, i, clips, given, turn):
        with self.autocast():
            return self.logits(i, self.discriminator[i]["net"], self.samples(i, clips, given, turn), given, turn)

    def gradients(self, i, samples, given, turn):
        """Of a sample's mean logit, as [n,values]. In float32, and without torch.compile, which has no second derivatives."""
        samples = samples.detach().float().requires_grad_()
        logits = self.logits(i, self.discriminator[i]["net"].forward, samples, given, turn)
        total = logits.sum() * (len(samples) / logits.numel())
        return torch.autograd.grad(total, samples, create_graph=True)[0].flatten(1)

    def penalties(self, i, real, fake, given):
        every, loss = self.loss["penalty_every"], self.loss
        samples, terms = {"real": self.samples(i, real, given, "real"), "fake": self.samples(i, fake, given, "fake")}, {}
        for key, turn in (("r1", "real"), ("r2", "fake")):
            if loss[key]:
                norms = self.gradients(i, samples[turn], given, turn).square().sum(1)
                terms[f"loss_{key}"] = norms.mean() * (every * loss[key] / 2)
        if loss["gradient_penalty"]:
            mix = given[f"mix.{i}"].view(-1, *[1] * (samples["real"].dim() - 1))
            between = mix * samples["real"] + (1 - mix) * samples["fake"]
            lengths = self.gradients(i, between, given, "real").norm(dim=1)
            terms["loss_gradient_penalty"] = (lengths - 1).square().mean() * (every * loss["gradient_penalty"])
        return terms

    def adapt(self, sign):
        """ADA: `sign` is the mean sign of the logits of real clips."""
        change = self.batch / self.augmentation["adapt_clips"]
        self.probability.add_((sign - self.augmentation["target"]).sign() * change).clamp_(0, 1)

    def step(self, given):
        """Returns the losses; the gradients stay in the optimisers' first moments."""
        of_discriminator, of_generator = LOSSES[self.loss["type"]]
        each = range(len(self.options))
        real = select_frames(given["clips"], given["times.real"]) if "times.real" in given else given["clips"]
        real = self.augmented(real.permute(0, 4, 1, 2, 3).float().div_(127.5).sub_(1), given, "real")
        fake = self.augmented(self.generate(given), given, "fake")
        metrics, total, sign = {}, 0, 0
        for i in each:
            logits = self.judge(i, real, given, "real")
            sign = sign + logits.detach().sign().mean() / len(each)
            total = total + of_discriminator(logits, self.judge(i, fake.detach(), given, "fake"))
        metrics["loss_d"] = total.detach()
        if self.penalises and self.steps % self.loss["penalty_every"] == 0:
            for i in each:
                for name, term in self.penalties(i, real, fake.detach(), given).items():
                    metrics[name] = metrics.get(name, 0) + term.detach()
                    total = total + term
        total.backward()
        self.update(self.adam_d)

        self.discriminator.requires_grad_(False)
        loss_g = 0
        for i in each:
            logits = self.judge(i, real, given, "real") if self.loss["type"] == "relativistic" else None
            loss_g = loss_g + of_generator(logits, self.judge(i, fake, given, "fake")) * self.options[i]["weight"]
        loss_g.backward()
        self.discriminator.requires_grad_(True)
        self.update(self.adam_g)
        metrics["loss_g"] = loss_g.detach()
        if self.augmentation["target"]:
            self.adapt(sign)
            metrics["augment_p"] = self.probability.clone()
        self.steps += 1
        return metrics
