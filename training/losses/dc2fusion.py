"""The loss of DC2Fusion (Liu et al. 2023, released code): alike to both sources by local correlation, structure and grey value.

    L = sum over sources of weight * ( LNCC(f, s) + SSIM loss(f, s) + mean |f - s| )

LNCC is MONAI's, minus the squared local correlation (kernel 3); the SSIM loss is 1 - SSIM. Volumes are (B, 1, D, H, W), 0..1.
"""
from collections.abc import Sequence
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

SMALLEST = 11  # sides that a window of SSIM fits into
SIGMA, C1, C2 = 1.5, 0.01 ** 2, 0.03 ** 2  # of SSIM, as usual


@cache
def _local_correlation():
    from monai.losses.image_dissimilarity import LocalNormalizedCrossCorrelationLoss

    return LocalNormalizedCrossCorrelationLoss(spatial_dims=3)


def ssim_loss(a: Tensor, b: Tensor, window: int) -> Tensor:
    """1 - mean SSIM of (B, 1, D, H, W) within Gaussian windows that fit inside; as MONAI's, axis by axis: a step takes half the time."""
    both = torch.cat([a, b, a * a, b * b, a * b], 1)
    offsets = torch.arange(window, device=a.device, dtype=a.dtype) - (window - 1) / 2
    kernel = torch.exp(-offsets ** 2 / (2 * SIGMA ** 2))
    for axis in (2, 3, 4):
        shape = [1, 1, 1, 1, 1]
        shape[axis] = window
        weights = (kernel / kernel.sum()).view(shape).expand(both.shape[1], *shape[1:])
        both = F.conv3d(both, weights, groups=both.shape[1])
    mean_a, mean_b, aa, bb, ab = both.unbind(1)
    similarity = ((2 * mean_a * mean_b + C1) / (mean_a ** 2 + mean_b ** 2 + C1)
                  * (2 * (ab - mean_a * mean_b) + C2) / (aa - mean_a ** 2 + bb - mean_b ** 2 + C2))
    return 1 - similarity.mean()


def fusion_loss(fused: Tensor, sources: Tensor, weights: Sequence[float], window: int = SMALLEST) -> tuple[Tensor, dict[str, float]]:
    """Total loss and its parts, means over the batch.

    Args:
        fused: (B, 1, D, H, W).
        sources: (B, 2, D, H, W).
        weights: of the first and the second source; 2 and 1 as published, MR and PET.
        window: side of the window of SSIM; 11 as published.

    Raises ValueError for sides smaller than that window.
    """
    if min(fused.shape[2:]) < window:
        raise ValueError(f"the similarity looks at windows of {window} voxels: volumes must not be smaller")
    lncc = _local_correlation()
    parts = {"lncc": fused.new_zeros(()), "ssim": fused.new_zeros(()), "grey": fused.new_zeros(())}
    for n, weight in enumerate(weights):
        source = sources[:, n:n + 1]
        parts["lncc"] = parts["lncc"] + weight * lncc(fused, source)
        parts["ssim"] = parts["ssim"] + weight * ssim_loss(fused, source, window)
        parts["grey"] = parts["grey"] + weight * (fused - source).abs().mean()
    total = torch.stack(list(parts.values())).sum()
    return total, {name: float(part.detach()) for name, part in parts.items()}
