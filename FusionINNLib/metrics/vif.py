"""VIF: visual information fidelity in the pixel domain, summed over both sources as the fusion literature does.

Sheikh, Bovik: Image information and visual quality. IEEE Transactions on Image Processing 15(2), 2006; the multi-scale pixel-domain
version the authors published with it. Not VIFF of Han et al. 2013, which many papers mean by the same name.
"""
import numpy as np

from FusionINNLib.errors import InputError
from FusionINNLib.metrics.gaussian_window import filter_valid, gaussian_window, window_covariance, window_variance

WINDOWS = tuple(gaussian_window(size, size / 5) for size in (17, 9, 5, 3))
"""One Gaussian window for each of the four scales, finest first."""
VISUAL_NOISE = 2.0
"""Variance of the noise of the visual system, in grey levels squared."""
SMALLEST_SIDE = 41
"""Pixels: below that the coarsest scale holds no window."""
NO_VARIANCE = 1e-10


def vif(first: np.ndarray, second: np.ndarray, fused: np.ndarray) -> float:
    """VIF(first, fused) + VIF(second, fused), from 0; 2 would be a fused image equal to both. Images as in `vif_pair`."""
    return vif_pair(first, fused) + vif_pair(second, fused)


def vif_pair(reference: np.ndarray, image: np.ndarray) -> float:
    """VIF of an image given its reference: the share of the reference's information that is left, 1 for a copy, above 1 if sharpened.

    Shape (j, i), at least 41 x 41, grey levels 0..255. Each window models the image as gain times the reference plus noise; the
    information is log(1 + signal / noise), summed over windows and scales. Raises InputError for smaller images and for a
    constant reference.
    """
    if min(reference.shape) < SMALLEST_SIDE:
        raise InputError(f"VIF needs images of at least {SMALLEST_SIDE} x {SMALLEST_SIDE} pixels; leave it out for smaller ones.")
    reference, image = np.asarray(reference, np.float64), np.asarray(image, np.float64)
    kept, available = 0.0, 0.0
    for scale, window in enumerate(WINDOWS):
        if scale > 0:
            reference, image = (filter_valid(level, window)[::2, ::2] for level in (reference, image))
        kept_here, available_here = _information(reference, image, window)
        kept, available = kept + kept_here, available + available_here
    if available == 0:
        raise InputError("VIF compares with an image that is constant and so holds no information; choose another slice.")
    return kept / available


def _information(reference: np.ndarray, image: np.ndarray, window: np.ndarray) -> tuple[float, float]:
    """Information of one scale: what the image keeps of the reference, and what the reference offers (in nats)."""
    mean_r, mean_i = filter_valid(reference, window), filter_valid(image, window)
    variance_r, variance_i = window_variance(reference, mean_r, window), window_variance(image, mean_i, window)
    covariance = window_covariance(reference, image, mean_r, mean_i, window)
    # A window that is constant in either image, or contrary in the two, carries nothing over.
    related = (variance_r >= NO_VARIANCE) & (variance_i >= NO_VARIANCE) & (covariance > 0)
    gain = np.where(related, covariance, 0) / (np.maximum(variance_r, 0) + NO_VARIANCE)
    noise = np.maximum(variance_i - gain * covariance, NO_VARIANCE)
    signal = np.where(variance_r >= NO_VARIANCE, variance_r, 0)
    kept = np.log1p(gain * gain * signal / (noise + VISUAL_NOISE)).sum()
    return float(kept), float(np.log1p(signal / VISUAL_NOISE).sum())
