"""DC2Fusion's two-stream U-Net: two volumes in, one map a stream out, and one image of both maps.

Liu et al. 2023 (arXiv 2310.06291), Fig. 1, and its released code. Volumes are (B, 1, D, H, W) on the nominal 0..1 scale, axes (k, j, i).
"""
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from FusionINNLib.methods.dc2fusion.attention import Block, Level, first, last

PATCH = 4  # voxels on each side of a token of the first level


@dataclass(frozen=True)
class Size:
    """What a network is built from.

    width: channels of the first level, doubled at each further one; a multiple of 24. depths: blocks of each level, on the way down and on
    the way up. residual: each map is its source, times what the network says and plus what it adds, itself in the beginning, and the
    network says so with the sources' own voxels at hand (ours, for a token of 24 numbers cannot hold the details of its 64 voxels); else
    the map is the network's own, as published. softmax, deformable, through_plane: as in `attention.py`; False for what the paper's parts
    are worth.
    """

    width: int = 96
    depths: tuple[int, ...] = (2, 2, 6, 2)
    residual: bool = False
    softmax: bool = True
    deformable: bool = True
    through_plane: bool = True
    drop_path: float = 0.2

    @property
    def multiple(self) -> int:
        """Sides of a volume are multiples of this."""
        return PATCH * 2 ** len(self.depths)

    def to_dict(self) -> dict:
        """JSON-ready."""
        return vars(self) | {"depths": list(self.depths)}


def size_from(settings: dict[str, Any]) -> Size:
    """Of what a card or a run says. Raises ValueError or TypeError for what makes no network."""
    given: dict[str, Any] = settings | {"depths": tuple(settings.get("depths", Size.depths))}
    size = Size(**given)
    if not isinstance(size.width, int) or size.width < 24 or size.width % 24:
        raise ValueError("width must be a multiple of 24")
    if not size.depths or not all(isinstance(depth, int) and depth > 0 for depth in size.depths):
        raise ValueError("depths are numbers of blocks, one a level")
    return size


PAPER = Size()


class DC2FusionNetwork(nn.Module):
    """(B, 1, D, H, W) twice -> (B, 2, D, H, W), a map of each stream. The order of the sources counts: see `Level`."""

    def __init__(self, size: Size):
        super().__init__()
        self.size, count = size, len(size.depths)
        dims = [size.width * 2 ** n for n in range(count)]
        kernel = (7, 7, 7) if size.through_plane else (1, 7, 7)
        rates = np.linspace(0, size.drop_path, sum(size.depths)).tolist()

        def level(n: int) -> Level:
            start = sum(size.depths[:n])
            return Level([Block(dims[n], 3 * 2 ** n, rate, size.softmax, size.deformable, kernel)
                          for rate in rates[start:start + size.depths[n]]])

        self.patches = nn.Conv3d(1, dims[0], PATCH, PATCH)
        self.down = nn.ModuleList(level(n) for n in range(count))
        self.merge = nn.ModuleList(Resized(nn.Conv3d(c, 2 * c, 2, 2), 2 * c) for c in dims[:-1])
        self.norm = nn.LayerNorm(dims[-1])
        self.up = nn.ModuleList(level(n) for n in range(count))
        self.expand = nn.ModuleList(Resized(nn.ConvTranspose3d(2 * c, c, 2, 2), c) for c in dims[:-1])
        self.skip = nn.ModuleList(nn.Linear(2 * c, c) for c in dims[:-1])
        self.out_norm = nn.LayerNorm(2 * dims[0])
        self.to_voxels = nn.ConvTranspose3d(2 * dims[0], dims[0] // 2, PATCH, PATCH)
        self.maps = nn.Conv3d(dims[0] // 2, 4 if size.residual else 2, 3, padding=1)
        if size.residual:
            self.detail = nn.Conv3d(dims[0] // 2 + 2, dims[0] // 2, 3, padding=1)
            for parameter in self.maps.parameters():
                nn.init.zeros_(parameter)

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """Sides are multiples of `size.multiple`."""
        x, y = last(self.patches(a)), last(self.patches(b))  # (B, D/4, H/4, W/4, C)
        seen = []
        for n, level in enumerate(self.down):
            x, y = level(x, y)
            if n < len(self.merge):
                seen.append((x, y))
                x, y = self.merge[n](x), self.merge[n](y)  # half the sides, twice the channels
        x, y = self.norm(x), self.norm(y)
        for n in reversed(range(len(self.up))):
            if n < len(self.expand):
                x, y = self.expand[n](x), self.expand[n](y)
                x, y = (self.skip[n](torch.cat([z, kept], -1)) for z, kept in zip((x, y), seen[n]))
            x, y = self.up[n](x, y)
        both = self.out_norm(torch.cat([x, y], -1))
        voxels = self.to_voxels(first(both))  # (B, E/2, D, H, W)
        if not self.size.residual:
            return self.maps(voxels)
        sources = torch.cat([a, b], 1)
        maps = self.maps(F.gelu(self.detail(torch.cat([voxels, sources], 1))))
        return sources * (1 + maps[:, :2]) + maps[:, 2:]


class Resized(nn.Module):
    """Tokens at half or twice the sides: a convolution with as large a stride, then a norm."""

    def __init__(self, conv: nn.Module, dim: int):
        super().__init__()
        self.conv, self.norm = conv, nn.LayerNorm(dim)

    def forward(self, x: Tensor) -> Tensor:
        """(B, D, H, W, C)."""
        return self.norm(last(self.conv(first(x))))


def shares(maps: Tensor) -> Tensor:
    """FL1N: what each map (B, 2, D, H, W) of a sample counts for, its L1 norm over that of both, (B, 2) float64; halves where both are 0.

    The released L1NW multiplies by the norms themselves, so that the result grows with the square of the maps and with the size of the
    volume, and sums over the batch.
    """
    norms = maps.abs().sum((2, 3, 4), dtype=torch.float64)
    total = norms.sum(1, keepdim=True)
    return torch.where(total > 0, norms / total.clamp_min(1e-300), 0.5)


def blended(maps: Tensor) -> Tensor:
    """The maps (B, 2, D, H, W) by their `shares` -> (B, 1, D, H, W)."""
    return (maps * shares(maps).to(maps.dtype)[:, :, None, None, None]).sum(1, keepdim=True)
