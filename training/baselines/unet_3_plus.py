"""UNet 3+. Huang, Lin, Tong, Hu, Zhang, Iwamoto, Han, Chen, Wu: UNet 3+: A full-scale connected UNet for medical image segmentation.
ICASSP 2020. Without deep supervision and classification-guided module, as Kumar et al. 2024 (FusionINN) ran it; 26,971,201 parameters."""
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.baselines.blocks import WIDTHS, as_channels, conv_norm_relu, double_conv
from training.baselines.fuser import Fuser

DEPTH = len(WIDTHS)
SKIP = 64
"""Channels to which each of the five scales is brought before they are concatenated."""
WIDE = DEPTH * SKIP


class UNet3Plus(Fuser):
    """Every decoder level sees all five scales: finer ones of the encoder, coarser ones of the decoder. Multiples of 16; output 0..1."""

    multiple = 16

    def __init__(self):
        super().__init__()
        self.encoder = nn.ModuleList([double_conv(c_in, c_out) for c_in, c_out in zip((2, *WIDTHS), WIDTHS)])
        self.halve = nn.MaxPool2d(2)
        self.skips = nn.ModuleList([self._skips(level) for level in range(DEPTH - 1)])
        self.merges = nn.ModuleList([conv_norm_relu(WIDE, WIDE) for _ in range(DEPTH - 1)])
        self.last = nn.Conv2d(WIDE, 1, 3, padding=1)

    @staticmethod
    def _skips(level: int) -> nn.ModuleList:
        """One convolution to 64 channels for each scale: encoder down to this level, decoder below it, the deepest of all."""
        widths = [*WIDTHS[:level + 1], *[WIDE] * (DEPTH - 2 - level), WIDTHS[-1]]
        return nn.ModuleList([conv_norm_relu(width, SKIP) for width in widths])

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """As `Fuser.forward`."""
        x, scales = as_channels(first, second), []
        for level, block in enumerate(self.encoder):
            x = block(self.halve(x) if level else x)
            scales.append(x)
        for level in reversed(range(DEPTH - 1)):  # from below: each replaces the encoder's features by the decoder's
            skips = self.skips[level]
            assert isinstance(skips, nn.ModuleList)  # see `_skips`
            parts = [skip(_to_level(features, source, level)) for source, (skip, features) in enumerate(zip(skips, scales))]
            scales[level] = self.merges[level](torch.cat(parts, 1))
        return torch.sigmoid(self.last(scales[0]))


def _to_level(features: Tensor, source: int, level: int) -> Tensor:
    """Features of one level at the size of another: largest values on the way down, bilinear on the way up."""
    if source < level:
        return F.max_pool2d(features, 2 ** (level - source))
    if source > level:
        return F.interpolate(features, scale_factor=2 ** (source - level), mode="bilinear")
    return features
