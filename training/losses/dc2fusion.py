"""The loss of DC2Fusion (Liu et al. 2023, released code): alike to both sources by local correlation, structure and grey value.

    L = sum over sources of weight * ( LNCC(f, s) + SSIM loss(f, s) + mean |f - s| )

MONAI's losses: LNCC is minus the squared local correlation (kernel 3), the SSIM loss 1 - SSIM. Volumes are (B, 1, D, H, W), 0..1.
"""
from functools import cache

import torch
from torch import Tensor

SMALLEST = 11  # sides that a window of SSIM fits into


@cache
def _similarities(window: int):
    from monai.losses.image_dissimilarity import LocalNormalizedCrossCorrelationLoss
    from monai.losses.ssim_loss import SSIMLoss

    return LocalNormalizedCrossCorrelationLoss(spatial_dims=3), SSIMLoss(spatial_dims=3, win_size=window)


def fusion_loss(fused: Tensor, sources: Tensor, weights: tuple[float, float], window: int = SMALLEST) -> tuple[Tensor, dict[str, float]]:
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
    lncc, ssim = _similarities(window)
    parts = {"lncc": fused.new_zeros(()), "ssim": fused.new_zeros(()), "grey": fused.new_zeros(())}
    for n, weight in enumerate(weights):
        source = sources[:, n:n + 1]
        parts["lncc"] = parts["lncc"] + weight * lncc(fused, source)
        parts["ssim"] = parts["ssim"] + weight * ssim(fused, source)
        parts["grey"] = parts["grey"] + weight * (fused - source).abs().mean()
    total = torch.stack(list(parts.values())).sum()
    return total, {name: float(part.detach()) for name, part in parts.items()}
