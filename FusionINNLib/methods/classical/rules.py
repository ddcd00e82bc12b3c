"""Pixel by pixel: average and maximum."""
import numpy as np

from FusionINNLib.methods.base import SliceMethod


class Average(SliceMethod):
    """(first + second) / 2."""

    def fuse_slices(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """As `SliceMethod.fuse_slices`."""
        return (first + second) / 2


class Maximum(SliceMethod):
    """The larger of the two."""

    def fuse_slices(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """As `SliceMethod.fuse_slices`."""
        return np.maximum(first, second)
