"""Structural similarity, and Q_SSIM: the mean similarity of the fused image to both sources.

Wang, Bovik, Sheikh, Simoncelli: Image quality assessment: from error visibility to structural similarity.
IEEE Transactions on Image Processing 13(4), 2004. Equation 13 with the settings of its section III.C.
"""
import numpy as np

from FusionINNLib.metrics.gaussian_window import filter_valid, gaussian_window, masked_mean, window_covariance, window_variance

WINDOW = gaussian_window(11, 1.5)
K1, K2 = 0.01, 0.03


def ssim_from_moments(mean_a: np.ndarray, mean_b: np.ndarray, variance_a: np.ndarray, variance_b: np.ndarray,
                      covariance: np.ndarray, data_range: float) -> np.ndarray:
    """Equation 13, element by element, from local means, variances and the covariance."""
    c1, c2 = (K1 * data_range) ** 2, (K2 * data_range) ** 2
    luminance = (2 * mean_a * mean_b + c1) / (mean_a * mean_a + mean_b * mean_b + c1)
    structure = (2 * covariance + c2) / (variance_a + variance_b + c2)
    return luminance * structure


def ssim_map(a: np.ndarray, b: np.ndarray, data_range: float) -> np.ndarray:
    """SSIM of every 11x11 Gaussian window (sigma 1.5 pixels) that fits inside the image.

    `a` and `b` have shape (j, i), or (k, j, i) for a volume taken slice by slice, at least 11 x 11 pixels a slice; `data_range` is the
    nominal span of their values (1 or 255). Returns (..., j - 10, i - 10), float64 in -1..1, 1 where the windows are equal.
    """
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    mean_a, mean_b = filter_valid(a, WINDOW), filter_valid(b, WINDOW)
    return ssim_from_moments(mean_a, mean_b, window_variance(a, mean_a, WINDOW), window_variance(b, mean_b, WINDOW),
                             window_covariance(a, b, mean_a, mean_b, WINDOW), data_range)


def ssim(a: np.ndarray, b: np.ndarray, data_range: float) -> float:
    """Mean SSIM of two images or volumes, -1..1; arguments as `ssim_map`."""
    return float(ssim_map(a, b, data_range).mean())


def q_ssim_map(fused: np.ndarray, first: np.ndarray, second: np.ndarray, data_range: float) -> np.ndarray:
    """Mean of the SSIM maps of the fused image with either source; shapes and range as `ssim_map`."""
    return (ssim_map(fused, first, data_range) + ssim_map(fused, second, data_range)) / 2


def q_ssim(fused: np.ndarray, first: np.ndarray, second: np.ndarray, data_range: float) -> float:
    """Q_SSIM as in the paper's Table 1: the mean of SSIM(fused, first) and SSIM(fused, second), background included; -1..1."""
    return float(q_ssim_map(fused, first, second, data_range).mean())


def q_ssim_masked(fused: np.ndarray, first: np.ndarray, second: np.ndarray, mask: np.ndarray, data_range: float) -> float:
    """Q_SSIM over the windows whose centre lies in the boolean `mask`. Raises InputError when there is none."""
    return masked_mean(q_ssim_map(fused, first, second, data_range), mask)
