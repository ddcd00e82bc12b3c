"""Local statistics under a sliding Gaussian window, and means over maps: what several metrics share."""
# SciPy has no types:
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false
import numpy as np
from scipy.ndimage import correlate1d

from FusionINNLib.errors import InputError

MASK_TOO_NEAR_BORDER = ("The mask holds no pixel far enough from the border of the image to be measured; "
                        "use a mask that covers the brain.")


def gaussian_window(size: int, sigma: float) -> np.ndarray:
    """One axis of a separable Gaussian window: shape (size,), `sigma` in pixels, sum 1."""
    offsets = np.arange(size) - (size - 1) / 2
    weights = np.exp(-(offsets ** 2) / (2 * sigma ** 2))
    return weights / weights.sum()


def filter_valid(image: np.ndarray, window: np.ndarray) -> np.ndarray:
    """Weighted means under a separable window at the places where it fits inside the image.

    `image` has shape (..., j, i), `window` shape (size,) with odd size; the result is smaller by size - 1 in j and i.
    """
    margin = len(window) // 2
    inside = slice(margin, -margin)
    columns = correlate1d(image, window, axis=-2, mode="constant")[..., inside, :]
    return correlate1d(columns, window, axis=-1, mode="constant")[..., inside]


def window_variance(image: np.ndarray, mean: np.ndarray, window: np.ndarray) -> np.ndarray:
    """Biased variance under the window, given the `mean` that `filter_valid` made of the same image. May be negative by rounding."""
    return filter_valid(image * image, window) - mean * mean


def window_covariance(a: np.ndarray, b: np.ndarray, mean_a: np.ndarray, mean_b: np.ndarray, window: np.ndarray) -> np.ndarray:
    """Biased covariance of two images under the window, given their means by `filter_valid`."""
    return filter_valid(a * b, window) - mean_a * mean_b


def masked_mean(values: np.ndarray, mask: np.ndarray) -> float:
    """Mean of a metric's map over the windows whose centre pixel lies in the mask.

    `values` has shape (..., j, i); `mask`, boolean, is the image's, so larger by the same margin on all four sides when the map
    holds only windows that fit inside the image. Raises InputError when no such window has its centre in the mask.
    """
    rows, columns = ((whole - part) // 2 for whole, part in zip(mask.shape[-2:], values.shape[-2:]))
    inner = mask[..., rows:mask.shape[-2] - rows, columns:mask.shape[-1] - columns]
    if not inner.any():
        raise InputError(MASK_TOO_NEAR_BORDER)
    return float(values[inner].mean())
