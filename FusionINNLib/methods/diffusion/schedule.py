"""The noise of a diffusion in 1000 steps, and its way back from an image that something else than the prior has put right.

Step t mixes an image x0 and standard normal noise e to x_t = sqrt(a_t) x0 + sqrt(1 - a_t) e, where a_t = prod (1 - b) over the variances
b_0..b_t, which rise linearly from 1e-4 to 0.02 (Ho et al. 2020). All tensors are (B, C, H, W) of any real type, on any device.
"""
import torch
from torch import Tensor

STEPS = 1000


def alphas_cumprod() -> Tensor:
    """a_t of every step, (1000,) float64 on the CPU, falling from 0.9999 to 4e-5."""
    return torch.cumprod(1 - torch.linspace(1e-4, 0.02, STEPS, dtype=torch.float64), 0)


def indices(steps: int) -> list[int]:
    """Which of the 1000 steps a sampler with fewer of them goes through, last one first: round(i * 999 / (steps - 1)).

    Raises ValueError for fewer than 2 or more than 1000.
    """
    if not 2 <= steps <= STEPS:
        raise ValueError(f"a sampler goes through 2 to {STEPS} steps, not {steps}")
    return [round(i * (STEPS - 1) / (steps - 1)) for i in reversed(range(steps))]


def noised(clean: Tensor, noise: Tensor, kept: Tensor | float) -> Tensor:
    """x_t. kept: a_t, one number or (B, 1, 1, 1)."""
    signal, spread = _shares(kept, clean)
    return signal * clean + spread * noise


def clean_of(x: Tensor, noise: Tensor, kept: Tensor | float) -> Tensor:
    """x0 that belongs to x_t and the noise in it."""
    signal, spread = _shares(kept, x)
    return (x - spread * noise) / signal


def noise_of(x: Tensor, clean: Tensor, kept: Tensor | float) -> Tensor:
    """The noise that belongs to x_t and x0."""
    signal, spread = _shares(kept, x)
    return (x - signal * clean) / spread


def ddim_step(x: Tensor, clean: Tensor, kept: Tensor | float, kept_next: Tensor | float) -> Tensor:
    """The next image of a way back without fresh noise (Song et al. 2021, Eq. 12 with sigma 0), from the x0 that is believed in now.

    Args:
        x: x_t.
        clean: x0, the prior's or one that was put right; what noise x_t then holds is worked out from it.
        kept: a_t of x.
        kept_next: that of the result, greater; 1 at the end, where the result is `clean` itself.
    """
    return noised(clean, noise_of(x, clean, kept), kept_next)


def ancestral_step(x: Tensor, clean: Tensor, kept: Tensor | float, kept_next: Tensor | float, fresh: Tensor) -> Tensor:
    """The next image of a way back that draws fresh noise (Ho et al. 2020, Eqs. 6-7, for neighbouring steps and for longer ones).

    Args:
        x, clean, kept, kept_next: as `ddim_step`.
        fresh: standard normal, like x; counts for nothing at the end.
    """
    now, then = (torch.as_tensor(share, dtype=torch.float64) for share in (kept, kept_next))
    alpha, left = now / then, (1 - then) / (1 - now)
    of_x, of_clean, of_fresh = alpha.sqrt() * left, then.sqrt() * (1 - alpha) / (1 - now), (left * (1 - alpha)).sqrt()
    return of_x.to(x) * x + of_clean.to(x) * clean + of_fresh.to(x) * fresh


def _shares(kept: Tensor | float, like: Tensor) -> tuple[Tensor, Tensor]:
    """Of the image and of the noise in x_t, worked out in float64 so that small ones keep their digits."""
    kept = torch.as_tensor(kept, dtype=torch.float64)
    return kept.sqrt().to(like), (1 - kept).sqrt().to(like)
