"""What a network is trained for: fused image like both sources, estimate like the sources, latent like white standard normal noise."""
import math
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional as F


@lru_cache(maxsize=32)
def _gaussian_band(size: int) -> Tensor:
    """Matrix (size, size - 10) that filters rows with the Gaussian of SSIM (11 taps, sigma 1.5) without borders.

    As a matrix product this is several times faster on a CPU than a convolution of one channel.
    """
    taps = torch.exp(-(torch.arange(11) - 5.0) ** 2 / (2 * 1.5 ** 2))
    taps = taps / taps.sum()
    band = torch.zeros(size, size - 10)
    for column in range(size - 10):
        band[column:column + 11, column] = taps
    return band


def gaussian(x: Tensor) -> Tensor:
    """(..., H, W) -> (..., H - 10, W - 10)."""
    rows, columns = _gaussian_band(x.shape[-2]).to(x), _gaussian_band(x.shape[-1]).to(x)
    return rows.T @ (x @ columns)


def ssim_map(a: Tensor, b: Tensor) -> Tensor:
    """Structural similarity (Wang et al. 2004) of images (B, 1, H, W) with data range 1: (B, 1, H - 10, W - 10)."""
    mean_a, mean_b = gaussian(a), gaussian(b)
    var_a, var_b = gaussian(a * a) - mean_a ** 2, gaussian(b * b) - mean_b ** 2
    covariance = gaussian(a * b) - mean_a * mean_b
    return ((2 * mean_a * mean_b + 1e-4) * (2 * covariance + 9e-4)) / ((mean_a ** 2 + mean_b ** 2 + 1e-4) * (var_a + var_b + 9e-4))


def similarity_loss(image: Tensor, target: Tensor, ssim_share: float) -> Tensor:
    """ssim_share (1 - SSIM) + (1 - ssim_share) MSE, means: the released form of Kumar et al. 2024, Eqs. 2-4."""
    return ssim_share * (1 - ssim_map(image, target).mean()) + (1 - ssim_share) * F.mse_loss(image, target)


def fused_loss(fused: Tensor, sources: Tensor, ssim_share: float) -> Tensor:
    """Mean dissimilarity of the fused image (B, 1, H, W) to both sources (B, 2, H, W)."""
    return sum(similarity_loss(fused, sources[:, n:n + 1], ssim_share) for n in range(2)) / 2


def estimate_loss(draws: tuple[Tensor, Tensor], sources: Tensor, ssim_share: float, crps_weight: float) -> Tensor:
    """How far two estimates (B, 2, H, W) from independent latents are from the sources.

    Dissimilarity of their mean, and the continuous ranked probability score of the draws (Gneiting & Raftery 2007, Eq. 21, two samples):
    a proper score, least when the spread over latents is the true uncertainty. An L1 term in its place drives the spread to zero.
    """
    mean = (draws[0] + draws[1]) / 2
    similarity = sum(similarity_loss(mean[:, n:n + 1], sources[:, n:n + 1], ssim_share) for n in range(2)) / 2
    error = (F.l1_loss(draws[0], sources) + F.l1_loss(draws[1], sources)) / 2
    return similarity + crps_weight * (error - F.l1_loss(draws[0], draws[1]) / 2)


def coding_noise(fused: Tensor, largest: float) -> Tensor:
    """What storing the fused image (B, 1, H, W) as integers does to it: rounding of random step, none for a quarter of the images."""
    step = largest * torch.rand(len(fused), 1, 1, 1, device=fused.device)
    step = step * (torch.rand_like(step) > 0.25)
    return fused + (torch.rand_like(fused) - 0.5) * step


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
