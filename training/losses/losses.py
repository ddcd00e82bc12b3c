"""What a network is trained for: fused image like both sources, estimate like the sources, latent like white standard normal noise."""
import math
from collections.abc import Iterable
from functools import reduce

import torch
from torch import Tensor
from torch.nn import functional as F

from training.distributed import ALONE, Workers
from training.losses.gaussian_window import gaussian

CELL = 2.0 ** -10  # of the exchange of digits that is put behind a trained network: a quarter of a step of 8-bit storage


def moments(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and mean square of the window around each pixel of x (..., H, W): (..., H - 10, W - 10) each."""
    return gaussian(x), gaussian(x * x)


def ssim_map(a: Tensor, b: Tensor, moments_of_b: tuple[Tensor, Tensor] | None = None) -> Tensor:
    """Structural similarity (Wang et al. 2004) of images (B, C, H, W) with data range 1: (B, C, H - 10, W - 10).

    One of them may have one channel for all of the other's. moments_of_b: `moments(b)`, where b is compared more than once.
    """
    mean_a, square_a = moments(a)
    mean_b, square_b = moments(b) if moments_of_b is None else moments_of_b
    product, squares = 2 * mean_a * mean_b, mean_a ** 2 + mean_b ** 2
    return (product + 1e-4) * (2 * gaussian(a * b) - product + 9e-4) / ((squares + 1e-4) * (square_a + square_b - squares + 9e-4))


def total(parts: Iterable[Tensor]) -> Tensor:
    """The sum of at least one tensor, in their order."""
    return reduce(lambda one, other: one + other, parts)


def similarity_loss(image: Tensor, target: Tensor, ssim_share: float) -> Tensor:
    """ssim_share (1 - SSIM) + (1 - ssim_share) MSE, means: the released form of Kumar et al. 2024, Eqs. 2-4."""
    return ssim_share * (1 - ssim_map(image, target).mean()) + (1 - ssim_share) * F.mse_loss(image, target)


def fused_loss(fused: Tensor, sources: Tensor, ssim_share: float) -> Tensor:
    """Mean dissimilarity of the fused image (B, 1, H, W) to both sources (B, 2, H, W)."""
    return total(similarity_loss(fused, sources[:, n:n + 1], ssim_share) for n in range(2)) / 2


def salient_loss(fused: Tensor, sources: Tensor) -> Tensor:
    """Dissimilarity of the fused image (B, 1, H, W) to whichever of the sources (B, 2, H, W) has more contrast there.

    1 - Q_P (Piella & Heijmans 2003, Eq. 5) with SSIM: in each window the sources count in proportion to their variances. The mean over
    both sources alone is greatest where a fused image has about half of the contrast of what only one of them shows.
    """
    variance = gaussian(sources * sources) - gaussian(sources) ** 2 + 1e-6
    share = variance / variance.sum(1, keepdim=True)
    return 1 - total((share[:, n:n + 1] * ssim_map(fused, sources[:, n:n + 1])).mean() for n in range(2))


def background_loss(fused: Tensor, sources: Tensor, background: Tensor) -> Tensor:
    """Mean distance of the fused image (B, 1, H, W) from the average where both sources are background (B, 1, H, W; 0 or 1).

    Without it the network's convolutions ring around the head, which similarities in the head do not see.
    """
    distance = (fused - sources.mean(1, keepdim=True)).abs() * background
    return (distance.sum((1, 2, 3)) / background.sum((1, 2, 3)).clamp_min(1)).mean()


def texture_loss(fused: Tensor, sources: Tensor, head: Tensor) -> Tensor:
    """By how much the high-frequency energy of the fused image (B, 1, H, W) exceeds 0.9 of the larger of the sources' (B, 2, H, W).

    Mean square of the 3x3 Laplacian inside the head (B, 1, H, W; 0 or 1), image by image. What is hidden must not show as texture where
    the sources are smooth, as magnified or interpolated ones are.
    """
    images = torch.cat([fused, sources], 1)
    middle = images[..., 1:-1, 1:-1]
    laplacian = images[..., :-2, 1:-1] + images[..., 2:, 1:-1] + images[..., 1:-1, :-2] + images[..., 1:-1, 2:] - 4 * middle
    energy = (laplacian.square() * head[..., 1:-1, 1:-1]).sum((2, 3))
    return F.relu(energy[:, 0] / (energy[:, 1:].amax(1) + 1e-6) - 0.9).mean()


def edge_loss(fused: Tensor, sources: Tensor, head: Tensor) -> Tensor:
    """1 - Q_XY (Xydeas & Petrovic 2000, Eqs. 1-9): how little the edges of the sources (B, 2, H, W) are those of the fused image.

    As FusionINNLib/metrics/gradient.py has it, in the head (B, 1, H, W; 0 or 1), as a part of the whole image. Strengths below a grey
    level of 8-bit storage are alike, so that the loss does not look at noise and its gradient is finite where there is no edge.
    """
    right, up = _sobel(torch.cat([fused, sources], 1))
    strength = (right ** 2 + up ** 2 + 1e-5).sqrt()
    ratio = torch.minimum(strength[:, :1], strength[:, 1:]) / torch.maximum(strength[:, :1], strength[:, 1:])
    along = (right[:, :1] * right[:, 1:] + up[:, :1] * up[:, 1:]).abs() + 1e-5
    across = (right[:, :1] * up[:, 1:] - up[:, :1] * right[:, 1:]).abs()
    alignment = 1 - torch.atan2(across, along) * (2 / math.pi)
    kept = torch.sigmoid(10 * (ratio - 0.5)) * torch.sigmoid(20 * (alignment - 0.75))
    share = strength[:, 1:] / strength[:, 1:].sum(1, keepdim=True)
    return ((1 - (kept * share).sum(1, keepdim=True)) * head[..., 1:-1, 1:-1]).mean()


def _sobel(x: Tensor) -> tuple[Tensor, Tensor]:
    """Gradients to the right and upwards of images (B, C, H, W): (B, C, H - 2, W - 2) each."""
    columns = x[..., :-2, :] + 2 * x[..., 1:-1, :] + x[..., 2:, :]
    rows = x[..., :-2] + 2 * x[..., 1:-1] + x[..., 2:]
    return columns[..., 2:] - columns[..., :-2], rows[..., :-2, :] - rows[..., 2:, :]


def estimate_loss(draws: tuple[Tensor, Tensor], sources: Tensor, ssim_share: float, crps_weight: float) -> Tensor:
    """How far two estimates (B, 2, H, W) from independent latents are from the sources.

    Dissimilarity of their mean, and the continuous ranked probability score of the draws (Gneiting & Raftery 2007, Eq. 21, two samples):
    a proper score, least when the spread over latents is the true uncertainty. An L1 term in its place drives the spread to zero.
    """
    mean = (draws[0] + draws[1]) / 2
    similarity = sum(similarity_loss(mean[:, n:n + 1], sources[:, n:n + 1], ssim_share) for n in range(2)) / 2
    error = (F.l1_loss(draws[0], sources) + F.l1_loss(draws[1], sources)) / 2
    return similarity + crps_weight * (error - F.l1_loss(draws[0], draws[1]) / 2)


def coding_noise(fused: Tensor, largest: float, workers: Workers = ALONE) -> Tensor:
    """What exchanging digits and then storing the fused image (B, 1, H, W) in 8 bit does to it.

    The exchange moves it by less than a cell, storage by rounding of a random step between half of the largest and the largest. A fused
    image that is stored with more precision needs no such care: its digits tell the latent, see FusionINNLib/methods/fusioninn/digits.py.
    """
    step = largest * (1 + workers.uniform_like(fused[:, :, :1, :1])) / 2
    return fused + (workers.uniform_like(fused) - 0.5) * step + (workers.uniform_like(fused) - 0.5) * CELL


def likelihood_loss(latent: Tensor, log_det: Tensor) -> Tensor:
    """Negative log-likelihood per pixel of the sources under a standard normal latent (B, 1, H, W), but for a constant."""
    pixels = latent[0].numel()
    return (0.5 * latent.square().sum((1, 2, 3)) - log_det).mean() / pixels


LAGS = ((0, 1), (1, 0), (1, 1), (1, -1), (0, 2), (2, 0))


def statistics_loss(latent: Tensor, fused: Tensor, head: Tensor) -> Tensor:
    """How far each latent (B, 1, H, W) is from white standard normal noise inside its head (B, 1, H, W; 0 or 1).

    Squares of mean, variance - 1, a tenth of the excess kurtosis, correlations at short distances and with the fused image.
    The published kernel loss is inert at this dimension: it sees only the diagonal of its kernel matrices.
    """
    area = head.sum((1, 2, 3)).clamp_min(1)

    def mean(values: Tensor, mask: Tensor) -> Tensor:
        return (values * mask).sum((1, 2, 3)) / mask.sum((1, 2, 3)).clamp_min(1)

    centre = mean(latent, head)
    z = (latent - centre.view(-1, 1, 1, 1)) * head
    variance = z.square().sum((1, 2, 3)) / area
    unit = z / (variance.view(-1, 1, 1, 1) + 1e-6).sqrt()
    kurtosis = mean(unit.clamp(-6, 6) ** 4, head) - 3
    loss = centre ** 2 + (variance - 1) ** 2 + (0.1 * kurtosis).clamp(-2, 2) ** 2
    for down, right in LAGS:
        a, b = _shifted(unit, down, right)
        mask_a, mask_b = _shifted(head, down, right)
        loss = loss + mean(a * b, mask_a * mask_b) ** 2
    y = (fused - mean(fused, head).view(-1, 1, 1, 1)) * head
    y = y / (y.square().sum((1, 2, 3), keepdim=True) / area.view(-1, 1, 1, 1) + 1e-6).sqrt()
    return (loss + mean(unit * y, head) ** 2).mean()


def _shifted(x: Tensor, down: int, right: int) -> tuple[Tensor, Tensor]:
    """The two views of x (B, 1, H, W) that pair each pixel with its neighbour `down` rows and `right` columns away."""
    height, width = x.shape[-2:]
    a = x[..., :height - down, max(-right, 0):width - max(right, 0)]
    b = x[..., down:, max(right, 0):width - max(-right, 0)]
    return a, b


def learning_rate(step: int, steps: int, peak: float, warm_up: int, flat: float) -> float:
    """Linear warm-up, a plateau, then a cosine to a hundredth of the peak."""
    done = step / steps
    decay = 1.0 if done < flat else max(0.01, 0.5 * (1 + math.cos(math.pi * (done - flat) / (1 - flat))))
    return peak * min(1.0, (step + 1) / warm_up) * decay
