"""What the card of a FusionINN model says of its output: how bright it is, and how far the spread of its estimates is from their error."""
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from FusionINNLib.methods.fusioninn.digits import DRAWN
from FusionINNLib.methods.fusioninn.networks import FusionNetwork
from FusionINNLib.volumes.foreground import foreground
from training.data.prepare import PreparedCase

FIGURES = ("typical_bright", "spread_scale", "spread_scale_rounded")


def some_slices(case: PreparedCase, sources_of: Callable) -> list[np.ndarray]:
    """Seven slices of T1ce and FLAIR, (2, J, I) with sides cut to multiples of 4."""
    pairs = [sources_of(case, k, [case.index("t1ce"), case.index("flair")])
             for k in (np.linspace(0.2, 0.8, 7) * (case.contrasts.shape[1] - 1)).round().astype(int)]
    return [pair[:, :pair.shape[1] // 4 * 4, :pair.shape[2] // 4 * 4] for pair in pairs]


@torch.no_grad()
def measure(network: FusionNetwork, pairs: list[np.ndarray]) -> dict[str, float]:
    """What a card says of the model's output, from slices (2, J, I) of training patients.

    typical_bright: 99.9th percentile of the fused images inside the head.
    spread_scale: root mean square of the error of an estimate over that of its standard deviation over 8 latents, inside the head.
    spread_scale_rounded: the same from fused images in 8 bit.
    """
    bright, whole, rounded = [], [], []
    generator = torch.Generator().manual_seed(0)
    for pair in pairs:
        sources = torch.from_numpy(pair[None])
        head = foreground(sources.split(1, 1))
        fused, latent = network.fuse(sources)
        bright.append(fused[head].numpy())
        drawn = torch.randn((8, *latent.shape[1:]), generator=generator)
        within = drawn.clamp(-DRAWN.reach, DRAWN.reach)
        whole.append(_error_and_variance(network.decompose(fused.repeat(8, 1, 1, 1), within), sources, head))
        rounded.append(_error_and_variance(network.decompose_rounded(in_8_bit(fused).repeat(8, 1, 1, 1), drawn), sources, head))
    scales = (float(np.sqrt(error / max(variance, 1e-12))) for error, variance in (np.sum(whole, 0), np.sum(rounded, 0)))
    return {FIGURES[0]: round(float(np.percentile(np.concatenate(bright), 99.9)), 4),
            **{name: round(scale, 3) for name, scale in zip(FIGURES[1:], scales)}}


def in_8_bit(fused: Tensor) -> Tensor:
    """An image rounded to 256 steps over its range."""
    low, step = fused.min(), (fused.max() - fused.min()) / 255
    return torch.round((fused - low) / step) * step + low


def _error_and_variance(draws: Tensor, sources: Tensor, head: Tensor) -> tuple[float, float]:
    """Sums over the head: squared error of the mean of the draws (8, 2, J, I), and their variance."""
    return float(((draws.mean(0) - sources).square() * head).sum()), float((draws.var(0) * head).sum())
