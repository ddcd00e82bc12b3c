"""Q_P: the fusion quality index of Piella, which asks each window of the fused image to be like the livelier source.

Piella, Heijmans: A new quality metric for image fusion. ICIP 2003, equation 5 (index Q, without the saliency weights of Q_W), with the
SSIM of Wang et al. 2004 in place of the universal quality index and local variance as saliency, as in the toolbox of
Liu et al., IEEE Transactions on Pattern Analysis and Machine Intelligence 34(1), 2012.
"""
import numpy as np

from FusionINNLib.metrics.gaussian_window import filter_valid, masked_mean, window_covariance, window_variance
from FusionINNLib.metrics.ssim import WINDOW, ssim_from_moments

DATA_RANGE = 255.0
CENTRE_MARGIN = 5
# The smallest true variance of an 8-bit image under the window is about 1e-6: anything less is rounding of a constant window.
SMALLEST_VARIANCE = 1e-8


def q_p_map(first: np.ndarray, second: np.ndarray, fused: np.ndarray) -> np.ndarray:
    """Q of every 11x11 Gaussian window (sigma 1.5) that fits inside the image: lambda SSIM(F, A) + (1 - lambda) SSIM(F, B).

    The images have shape (j, i) and hold grey levels 0..255. lambda = var A / (var A + var B); where both sources are constant under the
    window it is 0/0 and taken as 1/2. Returns (j - 10, i - 10), float64 in -1..1.
    """
    first, second, fused = (np.asarray(image, np.float64) for image in (first, second, fused))
    mean_a, mean_b, mean_f = (filter_valid(image, WINDOW) for image in (first, second, fused))
    variance_a, variance_b = window_variance(first, mean_a, WINDOW), window_variance(second, mean_b, WINDOW)
    variance_f = window_variance(fused, mean_f, WINDOW)
    ssim_a = ssim_from_moments(mean_a, mean_f, variance_a, variance_f,
                               window_covariance(first, fused, mean_a, mean_f, WINDOW), DATA_RANGE)
    ssim_b = ssim_from_moments(mean_b, mean_f, variance_b, variance_f,
                               window_covariance(second, fused, mean_b, mean_f, WINDOW), DATA_RANGE)
    share = _share_of_first(variance_a, variance_b)
    return share * ssim_a + (1 - share) * ssim_b


def q_p(first: np.ndarray, second: np.ndarray, fused: np.ndarray) -> float:
    """Q_P of the whole image, background included: the mean of `q_p_map`, -1..1."""
    return float(q_p_map(first, second, fused).mean())


def q_p_masked(first: np.ndarray, second: np.ndarray, fused: np.ndarray, mask: np.ndarray) -> float:
    """Q_P over the windows whose centre lies in the boolean `mask` (j, i). Raises InputError when there is none."""
    return masked_mean(q_p_map(first, second, fused), mask)


def q_p_centre(first: np.ndarray, second: np.ndarray, fused: np.ndarray) -> float:
    """Q_P of the central 11x11 windows only, the image continued by zeros: what FusionINN's Table 1 reports as Q_P.

    The published evaluation code hands the kernel to the filter as its image and so measures this patch and nothing else.
    Rows j//2 - 5 .. j//2 + 5, columns likewise, counted from 0.
    """
    return q_p(*(_central_patch(image) for image in (first, second, fused)))


def _share_of_first(variance_a: np.ndarray, variance_b: np.ndarray) -> np.ndarray:
    a, b = (np.where(variance < SMALLEST_VARIANCE, 0.0, variance) for variance in (variance_a, variance_b))
    total = a + b
    return np.divide(a, total, out=np.full_like(total, 0.5), where=total > 0)


def _central_patch(image: np.ndarray) -> np.ndarray:
    """The 21x21 pixels that the central 11x11 windows see, zeros beyond the image."""
    margin = len(WINDOW) // 2
    padded = np.pad(image, margin)
    rows, columns = (side // 2 - CENTRE_MARGIN for side in image.shape)
    length = 2 * (CENTRE_MARGIN + margin) + 1
    return padded[rows:rows + length, columns:columns + length]
