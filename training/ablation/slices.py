"""Whole slices of the paper from prepared cases: T1ce and FLAIR, labels 1 and 2, each from 0 to 1, 240 x 240 around the head."""
import numpy as np
from numpy.random import Generator

from training.data.paper_slices import CONTRASTS, SliceSampler, slice_sources
from training.data.prepare import PreparedCase

WHOLE = 240  # pixels a side


def whole_slice(case: PreparedCase, k: int) -> np.ndarray:
    """Slice k, (2, 240, 240) float32: what `prepare` cut off is background again; a larger slice loses its edges."""
    pair = slice_sources(case, k, [case.index(name) for name in CONTRASTS])
    for axis in (1, 2):
        pair = _centred(pair, axis)
    return np.ascontiguousarray(pair)


def _centred(pair: np.ndarray, axis: int) -> np.ndarray:
    size = pair.shape[axis]
    if size >= WHOLE:
        start = (size - WHOLE) // 2
        return pair.take(range(start, start + WHOLE), axis)
    missing = WHOLE - size
    return np.pad(pair, [(missing // 2, missing - missing // 2) if n == axis else (0, 0) for n in range(3)])


class WholeSliceCrops(SliceSampler):
    """Crops (2, crop, crop) from anywhere in whole slices: as much background as in what is measured. Otherwise a `SliceSampler`."""

    def _draw(self, case: PreparedCase, k: int, rng: Generator) -> np.ndarray:
        top, left = rng.integers(WHOLE - self.crop + 1, size=2)
        return whole_slice(case, k)[:, top:top + self.crop, left:left + self.crop]


def some_tumour_slices(case: PreparedCase, most: int) -> list[int]:
    """At most so many slices with labels 1 and 2, evenly spaced."""
    marked = np.flatnonzero((case.labels == 1).any((1, 2)) & (case.labels == 2).any((1, 2)))
    return marked[np.unique(np.linspace(0, len(marked) - 1, min(most, len(marked))).round().astype(int))].tolist() if marked.size else []
