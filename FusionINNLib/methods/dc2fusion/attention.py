"""The block of DC2Fusion: where to look in the other stream (PRE), and how to blend what is seen there (CFB).

Liu et al. 2023, "Three-Dimensional Medical Image Fusion with Deformable Cross-Attention" (arXiv 2310.06291), Fig. 2, and its released code
(louelin/DC2Fusion, 233b5c2). Tokens are (B, D, H, W, C), channels last; axes are (k, j, i). What is mended of the released code is named
where it is.
"""
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

WINDOW = 2  # tokens on each side of a window
REACH = 2.0  # 2 / D is one token in normalised coordinates, so offsets stay within one token (released: `offset_range_factor`)


def first(x: Tensor) -> Tensor:
    """(B, D, H, W, C) -> (B, C, D, H, W)."""
    return x.permute(0, 4, 1, 2, 3)


def last(x: Tensor) -> Tensor:
    """(B, C, D, H, W) -> (B, D, H, W, C)."""
    return x.permute(0, 2, 3, 4, 1)


def reference_grid(shape: Sequence[int], like: Tensor) -> Tensor:
    """Middles of voxels in normalised coordinates (k, j, i), (D, H, W, 3): those of `grid_sample` with align_corners=False, so that zero
    offsets sample every voxel exactly (released: align_corners=True, half a token inward; each axis divided by another one's size)."""
    axes = [(2 * torch.arange(size, device=like.device, dtype=like.dtype) + 1) / size - 1 for size in shape]
    return torch.stack(torch.meshgrid(*axes, indexing="ij"), -1)


def sampled(x: Tensor, offsets: Tensor) -> Tensor:
    """Tokens (B, D, H, W, C) where they lie by offsets (B, D, H, W, 3) in normalised (k, j, i), by trilinear interpolation.

    Released: the result is reshaped to channels last without moving the axis, which scrambles it. Here the axis is moved.
    """
    grid = (reference_grid(x.shape[1:4], x) + offsets).flip(-1)  # grid_sample wants (i, j, k)
    return last(F.grid_sample(first(x), grid, mode="bilinear", padding_mode="border", align_corners=False))


class Deformation(nn.Module):
    """PRE, positional relationship estimation: the other stream, resampled where each token of this one finds its like.

    deformable: False keeps all offsets at zero, to see what they are worth.
    """

    def __init__(self, dim: int, deformable: bool = True):
        super().__init__()
        self.deformable = deformable
        if deformable:
            self.mix = nn.Conv3d(2 * dim, 2 * dim, 1)
            self.near = nn.Conv3d(2 * dim, 2 * dim, 3, padding=1, groups=2 * dim)
            self.norm = nn.LayerNorm(2 * dim)
            self.offset = nn.Conv3d(2 * dim, 3, 1, bias=False)

    def forward(self, x: Tensor, other: Tensor) -> Tensor:
        """x (normalised), other: (B, D, H, W, C) -> other as sampled, of the same shape."""
        return sampled(other, self.offsets(x, other)) if self.deformable else other

    def offsets(self, x: Tensor, other: Tensor) -> Tensor:
        """(B, D, H, W, 3) in normalised coordinates (k, j, i), at most one token long on each axis."""
        z = self.near(self.mix(first(torch.cat([x, other], -1))))  # (B, 2C, D, H, W)
        z = first(F.gelu(self.norm(last(z))))
        size = torch.tensor(x.shape[1:4], device=x.device, dtype=x.dtype)
        return last(torch.tanh(self.offset(z))) * REACH / size


def windows(x: Tensor, side: int = WINDOW) -> Tensor:
    """(B, D, H, W, C) -> (B x windows, side^3, C); sides that are no multiple of it are filled up with zeros."""
    b, *size, c = x.shape
    d, h, w = (-(-n // side) for n in size)
    x = F.pad(x, (0, 0, 0, w * side - size[2], 0, h * side - size[1], 0, d * side - size[0]))
    x = x.view(b, d, side, h, side, w, side, c).permute(0, 1, 3, 5, 2, 4, 6, 7)
    return x.reshape(b * d * h * w, side ** 3, c)


def unwindowed(x: Tensor, shape: tuple[int, ...], side: int = WINDOW) -> Tensor:
    """What `windows` gave of tokens of shape (B, D, H, W, C) as those tokens again."""
    b, *size, c = shape
    d, h, w = (-(-n // side) for n in size)
    x = x.view(b, d, h, w, side, side, side, c).permute(0, 1, 4, 2, 5, 3, 6, 7).reshape(b, d * side, h * side, w * side, c)
    return x[:, :size[0], :size[1], :size[2]]


class CrossFeatureBlend(nn.Module):
    """CFB: a convolution and an attention look at both streams, steer each other, and are merged.

    Keys come from the other stream, queries and values from this one, as released. softmax: False is the released attention, which has
    none. Released: depthwise groups that see two channels of one stream; here each sees a channel of both. Released: BatchNorm with an eps
    as large as the number of channels; here the usual one.
    """

    def __init__(self, dim: int, heads: int, softmax: bool = True, kernel: tuple[int, int, int] = (7, 7, 7)):
        super().__init__()
        few = dim // 8
        self.heads, self.softmax = heads, softmax
        self.conv = nn.Conv3d(2 * dim, dim, kernel, padding=(kernel[0] // 2, kernel[1] // 2, kernel[2] // 2), groups=dim)
        self.conv_norm = nn.BatchNorm3d(dim)
        self.conv_out = nn.Conv3d(dim, dim, 1)
        self.channels = nn.Sequential(nn.Linear(dim, few), nn.LayerNorm(few), nn.GELU(), nn.Linear(few, dim))
        self.places = nn.Sequential(nn.Linear(dim, few), nn.LayerNorm(few), nn.GELU(), nn.Linear(few, 1))
        self.query, self.key, self.value = (nn.Linear(dim, dim) for _ in range(3))
        self.merge = nn.Linear(2 * dim, dim)

    def forward(self, x: Tensor, other: Tensor, norm: nn.LayerNorm) -> Tensor:
        """x (normalised), other (sampled): (B, D, H, W, C) -> the blend, of the same shape. norm: of the block, which x went through."""
        both = torch.stack([x, other], -1).flatten(-2)  # channels of both in turn: (B, D, H, W, 2C)
        c = F.gelu(self.conv_norm(self.conv(first(both))))
        strength = torch.sigmoid(self.channels(c.mean((2, 3, 4))))  # (B, C)
        c = last(self.conv_out(c))
        t = self.attend(x, other, strength)
        c = torch.sigmoid(self.places(t)) * c
        return self.merge(torch.cat([c, norm(t)], -1))

    def attend(self, x: Tensor, other: Tensor, strength: Tensor) -> Tensor:
        """Multi-head attention within windows; values are weighed by strength (B, C)."""
        q, k = self._in_heads(self.query(x)), self._in_heads(self.key(other))  # (B x windows, heads, 8, C / heads)
        v = self._in_heads(self.value(x) * strength[:, None, None, None])
        weights = q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5
        t = (weights.softmax(-1) if self.softmax else weights) @ v
        return unwindowed(t.transpose(1, 2).flatten(2), x.shape)

    def _in_heads(self, x: Tensor) -> Tensor:
        parts = windows(x)
        return parts.view(*parts.shape[:2], self.heads, -1).transpose(1, 2)


class Block(nn.Module):
    """DCFB: one stream looks at the other. One norm serves three places, as released; the other stream is not normalised."""

    def __init__(self, dim: int, heads: int, drop_path: float = 0.0, softmax: bool = True, deformable: bool = True,
                 kernel: tuple[int, int, int] = (7, 7, 7)):
        super().__init__()
        self.norm, self.drop_path = nn.LayerNorm(dim), drop_path
        self.deform = Deformation(dim, deformable)
        self.blend = CrossFeatureBlend(dim, heads, softmax, kernel)
        self.mlp = nn.Sequential(nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim))

    def forward(self, x: Tensor, other: Tensor) -> Tensor:
        """x, other: (B, D, H, W, C) -> x after it looked at the other."""
        y = self.norm(x)
        x = x + self._dropped(self.blend(y, self.deform(y, other), self.norm))
        return x + self._dropped(self.mlp(self.norm(x)))

    def _dropped(self, x: Tensor) -> Tensor:
        """DropPath: in training, all of a sample's change is left out now and then."""
        if not self.training or not self.drop_path:
            return x
        kept = (torch.rand(len(x), 1, 1, 1, 1, device=x.device) >= self.drop_path).to(x.dtype)
        return x * kept / (1 - self.drop_path)


class Level(nn.Module):
    """Blocks of one resolution, each used for both directions: the second stream sees the first one as it was just changed."""

    def __init__(self, blocks: list[Block]):
        super().__init__()
        self.blocks = nn.ModuleList(blocks)

    def forward(self, x: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
        """Both streams (B, D, H, W, C)."""
        for block in self.blocks:
            x = block(x, other)
            other = block(other, x)
        return x, other
