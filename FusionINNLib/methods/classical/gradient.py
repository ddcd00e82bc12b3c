"""Gradient-guided selection: at each pixel the source with the stronger edges around it, by weights that follow the sources' own edges."""
import numpy as np
from scipy.ndimage import gaussian_filter, gaussian_gradient_magnitude, uniform_filter

from FusionINNLib.methods.base import SliceMethod

SIGMA = 1.0  # pixels, of the derivative
REACH = 2.0  # pixels: edges count for this far around them
RADIUS, EPSILON = 7, 1e-3  # of the guided filter: half of its window in pixels, and the variance below which it smooths


class GradientGuided(SliceMethod):
    """Saliency is the Gaussian gradient magnitude, spread by `REACH`; the binary map of where it is larger is refined by a guided filter
    with each source as its guide (He, Sun, Tang 2013), as Li, Kang, Hu 2013 refine theirs, on one scale. Where neither source has an edge
    both count alike.
    """

    def fuse_slices(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """As `SliceMethod.fuse_slices`."""
        return np.stack([_fuse(*pair) for pair in zip(first, second)])


def _fuse(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    salient = [gaussian_filter(gaussian_gradient_magnitude(image, SIGMA), REACH) for image in (first, second)]
    chosen = (np.sign(salient[0] - salient[1]) + 1) / 2  # 1 first, 0 second, 1/2 neither
    weights = [np.clip(_guided(guide, wanted), 0, 1) for guide, wanted in ((first, chosen), (second, 1 - chosen))]
    share = weights[0] + 1e-6
    fused = (first * share + second * (weights[1] + 1e-6)) / (share + weights[1] + 1e-6)
    return fused.astype(np.float32)


def _guided(guide: np.ndarray, image: np.ndarray) -> np.ndarray:
    """`image` (H, W) smoothed except across the edges of `guide`."""
    def mean(values: np.ndarray) -> np.ndarray:
        return uniform_filter(values, 2 * RADIUS + 1, mode="reflect")

    guide, image = guide.astype(np.float64), image.astype(np.float64)
    slope = (mean(guide * image) - mean(guide) * mean(image)) / (mean(guide * guide) - mean(guide) ** 2 + EPSILON)
    return mean(slope) * guide + mean(mean(image) - slope * mean(guide))
