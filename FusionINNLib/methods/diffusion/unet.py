"""The U-Net that believes what noise is in an image at which step: MONAI's, which is imported when one is made.

MONAI's middle block attends to all places of the coarsest level at once; it is told to do so without holding the square matrix of that,
which for slices of 240 pixels and three levels would take hundreds of megabytes.
"""
import math
from collections.abc import Sequence

from torch import Tensor, nn


def unet(channels: Sequence[int], images: int = 1, attention: bool = False) -> nn.Module:
    """A `DiffusionModelUNet` in two dimensions with fresh weights, as torch sets them, in training mode: see `noise_in`.

    Args:
        channels: of each level, the finest first; each level after the first halves the sides.
        images: channels of its input and output.
        attention: whether the last level attends too, and not the middle block alone.

    Raises ValueError for channels that make no network.
    """
    if len(channels) < 2 or min(channels) < 4 or any(width % 4 for width in channels):
        raise ValueError(f"channels are two or more multiples of 4, not {list(channels)}")
    from monai.networks.nets.diffusion_model_unet import DiffusionModelUNet

    levels = (False,) * (len(channels) - 1) + (attention,)
    return DiffusionModelUNet(spatial_dims=2, in_channels=images, out_channels=images, channels=tuple(channels), attention_levels=levels,
                              num_res_blocks=1, norm_num_groups=math.gcd(16, channels[0] // 2, *channels),
                              num_head_channels=math.gcd(32, channels[-1]), use_flash_attention=True)


def multiple(channels: Sequence[int]) -> int:
    """What the sides of its images must be multiples of."""
    return 2 ** (len(channels) - 1)


def noise_in(network: nn.Module, x: Tensor, step: int | Tensor) -> Tensor:
    """What noise the network sees in x_t (B, C, H, W), sides multiples of `multiple`. step: t, of all or (B,)."""
    steps = x.new_full((len(x),), step) if isinstance(step, int) else step.to(x)
    return network(x, steps)
