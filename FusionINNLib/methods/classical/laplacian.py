"""Laplacian pyramids: details by the larger magnitude, base by the mean."""
import numpy as np
from scipy.ndimage import correlate1d

from FusionINNLib.methods.base import SliceMethod

BINOMIAL = np.array([1, 4, 6, 4, 1], np.float32) / 16
LEVELS = 4


class LaplacianPyramid(SliceMethod):
    """Burt & Adelson 1983; Burt & Kolczynski 1993, with single pixels as saliency.

    Four levels of detail, each of half the size of the one before; fewer where a side has less than 3 pixels. Filter: the 5-tap binomial in
    rows and columns, edges mirrored without repeating the outermost pixel. Details: level minus the enlarged next one; the one of larger
    magnitude is taken, the first one's where they are equal. Base: the mean. Nothing is cut to 0..1.
    """

    def fuse_slices(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """As `SliceMethod.fuse_slices`."""
        details = []
        for _ in range(LEVELS):
            if min(first.shape[-2:]) < 3:
                break
            smaller_first, smaller_second = _reduce(first), _reduce(second)
            a, b = first - _expand(smaller_first, first.shape), second - _expand(smaller_second, second.shape)
            details.append(np.where(np.abs(a) >= np.abs(b), a, b))
            first, second = smaller_first, smaller_second
        fused = (first + second) / 2
        for detail in reversed(details):
            fused = _expand(fused, detail.shape) + detail
        return fused


def _filter(images: np.ndarray, gain: float) -> np.ndarray:
    """(B, H, W) by the binomial in rows and columns, each times `gain`; same size."""
    taps = BINOMIAL * np.float32(gain)
    return correlate1d(correlate1d(images, taps, axis=-2, mode="mirror"), taps, axis=-1, mode="mirror")


def _reduce(images: np.ndarray) -> np.ndarray:
    """Half the size, rounded up: filtered, then every second pixel."""
    return _filter(images, 1.0)[..., ::2, ::2]


def _expand(images: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The size in `shape`: zeros between the pixels, then filtered with twice the weight a side."""
    spread = np.zeros(shape, images.dtype)
    spread[..., ::2, ::2] = images
    return _filter(spread, 2.0)
