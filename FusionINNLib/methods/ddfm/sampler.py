"""DDFM's way from noise to a fused image: at each step the prior believes in an image, EM puts it right, the diffusion goes on from that.

Images are (B, 1, H, W) in the diffusion's scale, -1..1 where the nominal scale has 0..1. The released code scales each slice by its own
minimum and maximum; here the scale is that of the volume, so that slices of one result belong together (ours).
"""
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from FusionINNLib.methods.ddfm import em
from FusionINNLib.methods.diffusion import schedule

Prior = Callable[[Tensor, int], Tensor]
"""(x_t, t) -> the noise that it sees in x_t, see prior.py."""


@dataclass(frozen=True)
class Settings:
    """How to fuse, see the row of the registry for their meaning. The values here are those of the released code."""

    em: str = "released"
    sampler: str = "ddim"
    steps: int = 100
    psi: float = 0.5
    eta: float = 0.001
    update_scales: bool = True
    stretch: bool = False


@dataclass(frozen=True)
class Sampled:
    """fused and, where it is a weighted mean of both sources, the weight of the first: (B, 1, H, W) each."""

    fused: Tensor
    weight: Tensor


def sample(first: Tensor, second: Tensor, prior: Prior, settings: Settings, noise: Sequence[np.random.Generator],
           on_step: Callable[[int], None] = lambda images: None) -> Sampled:
    """Fuse a batch of slices.

    Args:
        noise: one generator a slice, see `noise_of_slice`: a slice comes out the same whatever others are in the batch.
        on_step: told after each step for how many images it was; what it raises stops the work.
    """
    kept, steps, step = schedule.alphas_cumprod(), schedule.indices(settings.steps), em.STEPS[settings.em]
    x, state, rectified = _drawn(noise, first), em.start(first), None
    for t, after in zip(steps, [*steps[1:], None]):
        believed = schedule.clean_of(x, prior(x, t), kept[t]).clamp(-1, 1)
        rectified = step(believed, first, second, state, psi=settings.psi, eta=settings.eta, update_scales=settings.update_scales)
        state, then = rectified.state, 1.0 if after is None else kept[after]
        if settings.sampler == "ddim":
            x = schedule.ddim_step(x, rectified.fused, kept[t], then)
        else:
            x = schedule.ancestral_step(x, rectified.fused, kept[t], then, _drawn(noise, x) if after is not None else torch.zeros_like(x))
        on_step(len(x))
    assert rectified is not None  # a sampler has two steps at least
    return Sampled(x, rectified.weight)


def noise_of_slice(seed: int, number: int) -> np.random.Generator:
    """What a slice's noise comes from, on any device. number: of the slice in its volume."""
    return np.random.default_rng([seed, number])


def _drawn(noise: Sequence[np.random.Generator], like: Tensor) -> Tensor:
    """Standard normal (B, 1, H, W), slice by slice, on the CPU: the same on every device."""
    drawn = np.stack([generator.standard_normal(like.shape[1:], np.float32) for generator in noise])
    return torch.from_numpy(drawn).to(like)
