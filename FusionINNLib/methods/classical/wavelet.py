"""Discrete wavelets: details of the source where they are stronger, over the mean of what is coarse."""
import numpy as np

from FusionINNLib.methods.base import SliceMethod

WAVELET, LEVELS = "sym4", 4


class Wavelet(SliceMethod):
    """Li, Manjunath, Mitra 1995, with single coefficients as activity and without their consistency check.

    Symlets of order 4 in four levels, fewer in a small slice; edges mirrored. Details: the coefficient of larger magnitude, the first
    source's where they are equal. Base: the mean. Nothing is cut to 0..1.
    """

    def fuse_slices(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """As `SliceMethod.fuse_slices`."""
        import pywt

        height, width = first.shape[-2:]
        levels = min(LEVELS, pywt.dwt_max_level(min(height, width), WAVELET))
        (base_1, *details_1), (base_2, *details_2) = (pywt.wavedec2(images, WAVELET, "symmetric", levels, axes=(-2, -1))
                                                      for images in (first, second))
        details = [tuple(np.where(np.abs(a) >= np.abs(b), a, b) for a, b in zip(*level)) for level in zip(details_1, details_2)]
        fused = pywt.waverec2([(base_1 + base_2) / 2, *details], WAVELET, "symmetric", axes=(-2, -1))
        return fused[..., :height, :width]  # an odd side comes back with one pixel more
