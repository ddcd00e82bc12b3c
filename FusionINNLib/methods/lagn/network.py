"""LAGN: features of a joint diffusion, blended by local and global branches from coarse to fine, say how much of which source is shown.

All of it is ours, by the words of Qu et al. 2025 (doi 10.1007/s11517-025-03300-6), whose abstract alone is public: a joint diffusion, a
local and a global network. The global branch is Restormer's (Zamir et al. 2022), as CDDFuse (Zhao et al. 2023) has it. Images are
(B, 1, H, W) on the nominal 0..1 scale, sides multiples of `MULTIPLE`.
"""
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from FusionINNLib.methods.diffusion.unet import unet
from FusionINNLib.methods.lagn.features import features_at

MULTIPLE = 8
HEADS = 4
REACH = 0.25  # how far the fused image may leave the range between its sources


@dataclass(frozen=True)
class Size:
    """What a network is built from.

    channels: of the diffusion's levels, the finest first. widths: of the blending's. steps: of 1000, at which features are taken.
    features, local, global_: False for what each is worth.
    """

    channels: tuple[int, ...] = (24, 48, 96)
    widths: tuple[int, ...] = (16, 32, 48)
    steps: tuple[int, ...] = (5, 50, 100)
    features: bool = True
    local: bool = True
    global_: bool = True

    def to_dict(self) -> dict:
        """JSON-ready."""
        return vars(self) | {name: list(vars(self)[name]) for name in ("channels", "widths", "steps")}


def size_from(settings: dict[str, Any]) -> Size:
    """Of what a card or a run says. Raises ValueError or TypeError for what makes no network."""
    given: dict[str, Any] = settings | {name: tuple(settings.get(name, getattr(Size, name))) for name in ("channels", "widths", "steps")}
    size = Size(**given)
    if len(size.channels) != len(size.widths) or len(size.channels) > 4:
        raise ValueError("channels and widths have a number for each of at most four levels")
    if any(not isinstance(width, int) or width < HEADS or width % HEADS for width in size.widths):
        raise ValueError(f"widths must be multiples of {HEADS}")
    if not size.steps or not all(isinstance(step, int) and 0 <= step < 1000 for step in size.steps):
        raise ValueError("steps are numbers from 0 to 999")
    if not (size.local or size.global_):
        raise ValueError("local or global_ must be there")
    return size


class Lagn(nn.Module):
    """Two images and noise in, one image out. `unet` is the diffusion, trained before and left as it is."""

    def __init__(self, size: Size):
        super().__init__()
        self.size = size
        self.unet = unet(size.channels, images=2).requires_grad_(False)
        self.levels = nn.ModuleList(Blend(len(size.steps) * size.channels[n], size.widths[n], _coarser(size, n), size)
                                    for n in reversed(range(len(size.widths))))
        width = size.widths[0]
        self.shallow = nn.Sequential(_conv(2, width), nn.LeakyReLU(0.2), _conv(width, width))
        self.out = nn.Sequential(_conv(width, width // 2), nn.LeakyReLU(0.2), _conv(width // 2, 2))
        for parameter in self.out[-1].parameters():  # begins with the mean of both sources
            nn.init.zeros_(parameter)

    def forward(self, first: Tensor, second: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """noise: standard normal, (B, 2 x len(steps), H, W). -> fused (B, 1, H, W), and both sources as the diffusion believes them to be
        at the noisiest step, (B, 2, H, W), nominal 0..1."""
        pair = torch.cat([first, second], 1)
        known, believed = self.known(2 * pair - 1, noise)
        x: Tensor | None = None
        for level, features in zip(self.levels, known):
            x = level(features, x)
        assert x is not None  # there is a level
        share, more = self.out(x + self.shallow(pair)).chunk(2, 1)
        share = torch.sigmoid(share)
        return share * first + (1 - share) * second + REACH * torch.tanh(more), (believed + 1) / 2

    @torch.no_grad()
    def known(self, pair: Tensor, noise: Tensor) -> tuple[list[Tensor], Tensor]:
        """Features of each level over all steps, coarse to fine, and the pair believed in at the noisiest; pair in -1..1."""
        taken = [features_at(self.unet, pair, part, step) for part, step in zip(noise.chunk(len(self.size.steps), 1), self.size.steps)]
        levels = [torch.cat(parts, 1) for parts in zip(*(levels for levels, _ in taken))]
        noisiest = max(range(len(taken)), key=lambda n: self.size.steps[n])
        return levels if self.size.features else [torch.zeros_like(level) for level in levels], taken[noisiest][1]


class Blend(nn.Module):
    """One level: features (B, C, h, w) and what the coarser level made -> (B, width, h, w)."""

    def __init__(self, channels: int, width: int, coarser: int | None, size: Size):
        super().__init__()
        self.take = nn.Sequential(nn.Conv2d(channels, width, 1), nn.ReLU(), _conv(width, width), nn.ReLU())
        self.fit = None if coarser is None else nn.Conv2d(coarser, width, 1)
        self.local = nn.Sequential(LocalUnit(width), LocalUnit(width)) if size.local else None
        self.global_ = GlobalUnit(width) if size.global_ else None
        both = size.local and size.global_
        self.mix = nn.Conv2d(2 * width, 1, 1) if both else None
        self.join = nn.Conv2d(2 * width if both else width, width, 1)

    def forward(self, features: Tensor, coarser: Tensor | None) -> Tensor:
        """coarser: (B, its width, h / 2, w / 2), None at the coarsest level."""
        x = self.take(features)
        if self.fit is not None and coarser is not None:
            x = x + self.fit(F.interpolate(coarser, scale_factor=2, mode="bilinear", align_corners=False))
        branches = [branch(x) for branch in (self.local, self.global_) if branch is not None]
        if self.mix is not None:
            alpha = torch.sigmoid(self.mix(torch.cat(branches, 1)))  # (B, 1, h, w): how local each place is
            branches = [alpha * branches[0], (1 - alpha) * branches[1]]
        return self.join(torch.cat(branches, 1))


class LocalUnit(nn.Module):
    """Two convolutions beside the identity."""

    def __init__(self, width: int):
        super().__init__()
        self.body = nn.Sequential(_conv(width, width), nn.LeakyReLU(0.2), _conv(width, width))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W)."""
        return x + self.body(x)


class GlobalUnit(nn.Module):
    """Restormer's block: channels attend to each other over all places (MDTA), then a gated feed-forward network (GDFN)."""

    def __init__(self, width: int):
        super().__init__()
        self.norm, self.feed_norm = nn.GroupNorm(1, width), nn.GroupNorm(1, width)
        self.qkv = nn.Sequential(nn.Conv2d(width, 3 * width, 1), nn.Conv2d(3 * width, 3 * width, 3, padding=1, groups=3 * width))
        self.temperature = nn.Parameter(torch.ones(HEADS, 1, 1))
        self.back = nn.Conv2d(width, width, 1)
        self.gated = nn.Sequential(nn.Conv2d(width, 4 * width, 1), nn.Conv2d(4 * width, 4 * width, 3, padding=1, groups=4 * width))
        self.feed_back = nn.Conv2d(2 * width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W)."""
        x = x + self.back(self._attended(self.norm(x)))
        gate, value = self.gated(self.feed_norm(x)).chunk(2, 1)
        return x + self.feed_back(F.gelu(gate) * value)

    def _attended(self, x: Tensor) -> Tensor:
        b, c, h, w = x.shape
        q, k, v = (part.reshape(b, HEADS, c // HEADS, h * w) for part in self.qkv(x).chunk(3, 1))
        weights = (F.normalize(q, dim=-1) @ F.normalize(k, dim=-1).transpose(-1, -2)) * self.temperature
        return (weights.softmax(-1) @ v).reshape(b, c, h, w)


def _coarser(size: Size, n: int) -> int | None:
    return size.widths[n + 1] if n + 1 < len(size.widths) else None


def _conv(into: int, out: int) -> nn.Conv2d:
    return nn.Conv2d(into, out, 3, padding=1, padding_mode="reflect")
