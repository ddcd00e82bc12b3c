"""What is head and what is background, one function for each question.

    head_mask           the head of one volume in any unit, roughly: for registration
    foreground          a pair on the nominal 0..1 scale, where either source shows anything: for training
    filled_foreground   the same, cleaned and filled, slice by slice: for metrics inside the head

Two more questions are answered where they are asked: the bright part that sets the scale of a volume (preprocessing/normalization.py)
or the window of a picture (reports/columns.py), and what is not background in a fused image, which depends on the method that made it.
"""
# SciPy has no types:
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from typing import Any, Protocol, TypeVar

import numpy as np

from FusionINNLib.volumes.padding import padding_values
from FusionINNLib.volumes.volume import Volume

LEVEL = 0.05
"""On the nominal 0..1 scale: what is brighter belongs to the foreground."""
_MAX_SAMPLES = 200_000


class _Image(Protocol):
    """np.ndarray or torch.Tensor: one rule for both, without importing torch."""

    def __gt__(self, level: float, /) -> Any: ...


_Images = TypeVar("_Images", bound=_Image)


def foreground(sources: Iterable[_Images]) -> _Images:
    """Where any of the sources, all of one shape and on the nominal 0..1 scale, exceeds `LEVEL`: boolean, of that shape, raw."""
    return reduce(lambda one, other: one | other, (image > LEVEL for image in sources))


def filled_foreground(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Foreground of one slice, from both sources (J, I) on the nominal 0..1 scale: boolean (J, I).

    Without specks and threads (an opening by a cross of 3x3 pixels), with all holes filled: ventricles that are dark in both sources,
    sinuses, the skull between scalp and brain.
    """
    from scipy import ndimage

    return np.asarray(ndimage.binary_fill_holes(ndimage.binary_opening(foreground((first, second)))))


def finite_values(volume: Volume) -> np.ndarray:
    """Physical values (k, j, i) as float32; NaN and infinite voxels and padding get the background value of the rest."""
    values = volume.values.astype(np.float32, copy=False)
    usable = np.isfinite(values)
    for padding in padding_values(values):
        usable &= values != padding
    if usable.all():
        return values
    return np.where(usable, values, np.float32(background_value(values[usable])))


def background_value(values: np.ndarray) -> float:
    """What surrounds the head, in the unit of `values` (finite, any shape).

    The most common value, when it is common enough (1 in 20) and isn't the brightest (saturated, not background); else nearly
    the lowest (0.5th percentile), since one stray voxel shouldn't decide.
    """
    flat = values.ravel()
    flat = flat[::max(1, flat.size // _MAX_SAMPLES)]
    found, counts = np.unique(flat, return_counts=True)
    commonest = found[np.argmax(counts)]
    if counts.max() >= 0.05 * flat.size and commonest < np.percentile(flat, 99.9):
        return float(commonest)
    return float(np.percentile(flat, 0.5))


def head_mask(values: np.ndarray) -> np.ndarray:
    """Boolean mask (k, j, i) of the head, roughly: what differs from the background, beyond noise.

    In a skull-stripped volume, a large part is exactly background and all else is head (also negatives). With noise around the head, a
    threshold at a tenth of the bright end does.
    """
    background = background_value(values)
    different = values != np.float32(background)
    # A volume without its skull has a smooth surround of one value; noise around a head makes few voxels exactly alike.
    if np.count_nonzero(~different) >= 0.3 * values.size:
        bright = np.percentile(values[different], 99) if different.any() else background
        faint = values[different] < background + 0.05 * (bright - background)
        if np.count_nonzero(faint) < 0.3 * max(1, np.count_nonzero(different)):
            return different
    bright = np.percentile(values, 99.5)
    return values > background + 0.1 * (bright - background)
