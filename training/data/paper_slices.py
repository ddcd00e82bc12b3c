"""The data of the published training (Kumar et al. 2024, section 4): whole axial slices of T1ce and FLAIR that show the tumour.

Slices with labels 1 (necrotic core) and 2 (oedema), minimum to 0 and maximum to 1 for each slice and contrast, no augmentation. As in the
released code they are shuffled once, then taken in the same order in every epoch, and those beyond the last whole batch are left out.
"""
import numpy as np
from numpy.random import Generator

from FusionINNLib.errors import InputError
from FusionINNLib.preprocessing.normalization import fit_slice
from training.data.prepare import PreparedCase

CONTRASTS = ("t1ce", "flair")


def slice_sources(case: PreparedCase, k: int, chosen: list[int]) -> np.ndarray:
    """Slice k of the chosen contrasts, (len(chosen), J, I) float32, each from 0 to 1: like `PreparedCase.sources`, but by the slice."""
    return np.stack([fit_slice(stored).apply(stored) for stored in case.contrasts[chosen, k]])


class SliceSampler:
    """Batches of slices in a fixed order.

    Args:
        cases: set name -> cases; those without T1ce or FLAIR, or without a slice with both labels, give none.
        crop: slices are brought to (2, crop, crop): surrounded by background where smaller, cut at a random place where larger.
        seed: of the order.

    Raises InputError where no slice is left.
    """

    def __init__(self, cases: dict[str, list[PreparedCase]], crop: int, seed: int):
        slices = [(case, k) for part in cases.values() for case in part if set(CONTRASTS) <= set(case.names) for k in _tumour_slices(case)]
        if not slices:
            raise InputError("The split names no cases with T1ce, FLAIR and slices with labels 1 and 2, the only ones that this preset "
                             "trains on: add some to 'train' and 'val'.")
        self.slices = [slices[n] for n in np.random.default_rng(seed).permutation(len(slices))]
        self.crop = crop

    def batches(self, size: int) -> int:
        """Whole batches in an epoch, at least one."""
        return max(1, len(self.slices) // size)

    def batch(self, number: int, size: int, rng: Generator) -> np.ndarray:
        """(size, 2, crop, crop) float32, fewer where there are fewer slices; number `batches(size)` is number 0 again."""
        start = number % self.batches(size) * size
        return np.stack([self._draw(case, k, rng) for case, k in self.slices[start:start + size]])

    def _draw(self, case: PreparedCase, k: int, rng: Generator) -> np.ndarray:
        pair = slice_sources(case, k, [case.index(name) for name in CONTRASTS])
        short = [max(0, self.crop - n) for n in pair.shape[1:]]
        pair = np.pad(pair, ((0, 0), *((n // 2, n - n // 2) for n in short)))
        top, left = (rng.integers(n - self.crop + 1) for n in pair.shape[1:])
        return pair[:, top:top + self.crop, left:left + self.crop]


def _tumour_slices(case: PreparedCase) -> list[int]:
    return np.flatnonzero((case.labels == 1).any((1, 2)) & (case.labels == 2).any((1, 2))).tolist()
