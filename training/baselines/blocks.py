"""Pieces that several of the networks are made of."""
import torch
from torch import Tensor, nn

WIDTHS = (64, 128, 256, 512, 1024)
"""Channels of the U-Net family, from full resolution to a sixteenth."""


def double_conv(c_in: int, c_out: int) -> nn.Sequential:
    """Twice convolution 3x3, batch normalisation, ReLU: (B, c_in, H, W) -> (B, c_out, H, W)."""
    return nn.Sequential(*conv_norm_relu(c_in, c_out), *conv_norm_relu(c_out, c_out))


def conv_norm_relu(c_in: int, c_out: int) -> nn.Sequential:
    """Convolution 3x3, batch normalisation, ReLU: (B, c_in, H, W) -> (B, c_out, H, W)."""
    return nn.Sequential(nn.Conv2d(c_in, c_out, 3, padding=1), nn.BatchNorm2d(c_out), nn.ReLU(inplace=True))


def conv_norm(c_in: int, c_out: int, size: int, activation: nn.Module) -> nn.Sequential:
    """Convolution size x size (odd), batch normalisation, the given activation; H and W are kept."""
    return nn.Sequential(nn.Conv2d(c_in, c_out, size, padding=size // 2), nn.BatchNorm2d(c_out), activation)


def as_channels(first: Tensor, second: Tensor) -> Tensor:
    """Two images (B, 1, H, W) as the channels of one input (B, 2, H, W)."""
    return torch.cat([first, second], 1)
