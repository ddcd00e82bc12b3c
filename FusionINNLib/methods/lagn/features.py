"""What a diffusion of both modalities together knows of a pair: features of its decoder, and the pair that it believes in.

After Dif-Fusion (Yue et al., TIP 2023), mended: the finest level is used, and features come by the schedule that the diffusion was trained
with. Images are (B, 2, H, W) in the scale of the diffusion, -1..1.
"""
from typing import Any, cast

import torch
from torch import Tensor, nn

from FusionINNLib.methods.diffusion.schedule import alphas_cumprod, clean_of, noised


def features_at(unet: nn.Module, pair: Tensor, noise: Tensor, step: int) -> tuple[list[Tensor], Tensor]:
    """The last block of each level of the decoder, coarse to fine, and the pair as the diffusion believes it to be.

    Args:
        unet: of `diffusion.unet`, with 2 images.
        noise: standard normal, like pair.
        step: 0..999 of the diffusion.
    """
    kept = float(alphas_cumprod()[step])
    x = noised(pair, noise, kept)
    seen, levels = _decoded(unet, x, step)
    return levels, clean_of(x, seen, kept)


def _decoded(unet: nn.Module, x: Tensor, step: int) -> tuple[Tensor, list[Tensor]]:
    """MONAI's forward pass, block by block, with what the decoder held: hooks would mix up what several threads ask for."""
    from monai.networks.nets.diffusion_model_unet import get_timestep_embedding

    net = cast(Any, unet)
    time = net.time_embed(get_timestep_embedding(x.new_full((len(x),), step), net.block_out_channels[0]).to(x))
    h = net.conv_in(x)
    skipped = [h]
    for block in net.down_blocks:
        h, some = block(hidden_states=h, temb=time)
        skipped += some
    h, levels = net.middle_block(hidden_states=h, temb=time), []
    for block in net.up_blocks:
        for resnet in block.resnets:
            h = resnet(torch.cat([h, skipped.pop()], 1), time)
        levels.append(h)
        if block.upsampler is not None:
            h = block.upsampler(h, time)
    return net.out(h), levels

