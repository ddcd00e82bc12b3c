"""The two EM steps of DDFM: how an image that the prior believes in is put right by the sources.

Zhao et al. 2023 (arXiv 2303.06840), section 3: fused f minimises |f - I|_1 + phi |f - V|_1. With x = f - V, y = I - V: y = x + Laplace
noise, x Laplace, both as Gaussians of exponentially distributed variances m (mean gamma) and n (mean rho); E-step, then M-step by
half-quadratic splitting with a total variation prior (weight psi, coupling eta), one sweep a diffusion step.

`paper` is that. `released` is what the authors' code does (MMIF-DDFM, 589f5cb) and what its published figures were made with: it smooths
y - x, caps one weight and returns I - x where the paper has V + x, so that, eta being tiny, its result is a weighted mean of the sources.
Ours in both: differences are periodic, as the Fourier solution takes them, where the code's last row and column are not; and the guard of
a division lies outside of the square, where the code's is infinite at a residual of -1e-6.

All images are (B, 1, H, W), I the first source and V the second.
"""
from dataclasses import dataclass

import torch
from torch import Tensor

GUARD = 1e-6  # added to squared residuals
CAP = 2.0  # of the weight of the first source, in weights of the second (released code)


@dataclass(frozen=True)
class State:
    """What is carried from step to step.

    smooth: rfft2 of k, (B, 1, H, W // 2 + 1) complex, from which u follows. first_scale: gamma. second_scale: rho. Both (B, 1, 1, 1).
    """

    smooth: Tensor
    first_scale: Tensor
    second_scale: Tensor


@dataclass(frozen=True)
class Rectified:
    """fused: the image put right. weight: of the first source where fused is a weighted mean of both, which it is for eta 0 and, in the
    released step, next to that otherwise. state: for the next step."""

    fused: Tensor
    weight: Tensor
    state: State


def start(like: Tensor) -> State:
    """u = 0, and scales of 1."""
    ones = like.new_ones(len(like), 1, 1, 1)
    return State(torch.zeros_like(torch.fft.rfft2(like)), ones, ones)


def released(believed: Tensor, first: Tensor, second: Tensor, state: State, *, psi: float, eta: float,
             update_scales: bool = True) -> Rectified:
    """The step of the authors' code; arguments as for `paper`. weight is in (0, 2/3]."""
    x, y = believed - second, first - second
    of_first = inverse_variance(x, state.second_scale)
    of_second = inverse_variance(first - believed, state.first_scale)
    of_first = torch.minimum(of_first, CAP * of_second)
    scales = _scales(of_second, of_first, state) if update_scales else (state.first_scale, state.second_scale)
    smooth, spectrum = smoothed(y - x, state.smooth, psi, eta)
    x = (2 * of_second * y + eta * (y - smooth)) / (2 * of_second + 2 * of_first + eta)
    return Rectified(first - x, of_first / (of_first + of_second), State(spectrum, *scales))


def paper(believed: Tensor, first: Tensor, second: Tensor, state: State, *, psi: float, eta: float,
          update_scales: bool = True) -> Rectified:
    """The step of the paper.

    Args:
        believed: f0, what the prior believes in.
        psi, eta: weight of the total variation, coupling of the split.
        update_scales: whether gamma and rho are learned on the way, or stay what they were.
    """
    x, y = believed - second, first - second
    noise, signal = inverse_variance(y - x, state.first_scale), inverse_variance(x, state.second_scale)
    scales = _scales(noise, signal, state) if update_scales else (state.first_scale, state.second_scale)
    smooth, spectrum = smoothed(x, state.smooth, psi, eta)
    x = (2 * noise * y + eta * smooth) / (2 * noise + 2 * signal + eta)
    return Rectified(x + second, noise / (noise + signal), State(spectrum, *scales))


STEPS = {"released": released, "paper": paper}


def inverse_variance(residual: Tensor, scale: Tensor | float) -> Tensor:
    """E[1/m] where residual ~ N(0, m) and m is exponential with mean `scale`: sqrt(2 / (scale residual^2)), the posterior being generalised
    inverse Gaussian with index 1/2. (E[m] is 1/E[1/m] + scale/2.)"""
    return (2 / (scale * (residual.square() + GUARD))).sqrt()


def _scales(noise: Tensor, signal: Tensor, state: State) -> tuple[Tensor, Tensor]:
    """gamma and rho that are most likely next: the mean of E[m] and of E[n] over each image."""
    first, second = ((1 / inverse + scale / 2).mean((-3, -2, -1), keepdim=True)
                     for inverse, scale in ((noise, state.first_scale), (signal, state.second_scale)))
    return first, second


def smoothed(image: Tensor, before: Tensor, psi: float, eta: float) -> tuple[Tensor, Tensor]:
    """k of a sweep and its rfft2: k minimises |u - grad k|^2 + |k - image|^2, where u minimised psi |u|^2 + eta/2 |u - grad before|^2.

    So u = eta/(2 psi + eta) grad before, and F k = (F image + |F grad|^2 eta/(2 psi + eta) F before) / (1 + |F grad|^2): u itself is never
    made. grad: periodic differences, each pixel less the one below, less the one to its right. before: rfft2 of the last k.
    """
    height, width = image.shape[-2:]
    like = {"dtype": image.dtype, "device": image.device}
    down, right = torch.fft.fftfreq(height, **like)[:, None], torch.fft.rfftfreq(width, **like)[None]
    power = 4 - 2 * torch.cos(2 * torch.pi * down) - 2 * torch.cos(2 * torch.pi * right)
    spectrum = (torch.fft.rfft2(image) + eta / (2 * psi + eta) * power * before) / (1 + power)
    return torch.fft.irfft2(spectrum, (height, width)), spectrum
