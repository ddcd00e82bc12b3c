"""Random crops of prepared cases for training, and fixed slices for validation."""
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.random import Generator
from scipy import ndimage

from FusionINNLib.errors import InputError
from FusionINNLib.volumes.foreground import foreground
from training.data.augment import augment
from training.data.prepare import PreparedCase, load
from training.data.splits import read_splits

VALIDATED_SET = "brats18"  # its `val` cases choose the best weights and fill the table of `python -m training evaluate`
PREFERRED = (("t1ce", "flair"), ("t2", "flair"))  # what clinicians fuse; T2 is the nearest stand-in for ADC


def load_split(prepared: Path, splits: Path, part: str) -> dict[str, list[PreparedCase]]:
    """The cases of one part (`train` or `val`) of each set that `splits` names. Raises InputError where one was not prepared."""
    cases = {}
    for name, parts in read_splits(splits).items():
        missing = [case for case in parts[part] if not (prepared / name / f"{case}.npz").exists()]
        if missing:
            raise InputError(f"{len(missing)} prepared case(s) are missing ({missing[0]} first): run 'python -m training prepare' again.")
        cases[name] = [load(prepared / name / f"{case}.npz") for case in parts[part]]
    return cases


class CropSampler:
    """Draws pairs of crops (2, crop, crop) from cases, all ordered pairs of contrasts, the preferred ones more often.

    Args:
        cases: set name -> cases; `shares` says how often each set is drawn.
        crop: side of a crop in pixels.
    """

    def __init__(self, cases: dict[str, list[PreparedCase]], shares: dict[str, float], crop: int):
        self.cases, self.crop = cases, crop
        self.sets, weights = zip(*shares.items())
        self.weights = np.array(weights) / sum(weights)

    def batch(self, rows: range, key: list[int]) -> np.ndarray:
        """Some rows, (len(rows), 2, crop, crop) float32, of the batch that `key` names. A row is the same whichever others are drawn."""
        return np.stack([self.draw(np.random.default_rng([*key, row])) for row in rows])

    def draw(self, rng: Generator) -> np.ndarray:
        """One augmented pair of crops in which at least a third of the pixels belong to the head."""
        cases = self.cases[self.sets[rng.choice(len(self.sets), p=self.weights)]]
        case = cases[rng.integers(len(cases))]
        for _ in range(5):
            pair = self._crop(case.sources(self._slice(case, rng), self._contrasts(case, rng)), rng)
            if foreground(pair).mean() > 1 / 3:
                break
        return augment(pair, rng).astype(np.float32)

    @staticmethod
    def _slice(case: PreparedCase, rng: Generator) -> int:
        """Any slice, or, as often, one that shows a lesion."""
        marked = np.flatnonzero(case.labels.any((1, 2)))
        return int(rng.choice(marked) if marked.size and rng.random() < 0.5 else rng.integers(len(case.labels)))

    def _contrasts(self, case: PreparedCase, rng: Generator) -> list[int]:
        usable = [pair for pair in PREFERRED if set(pair) <= set(case.names)]
        if rng.random() < 0.5:
            return [case.index(name) for name in usable[rng.integers(len(usable))]]
        return list(rng.choice([n for n, name in enumerate(case.names)], 2, replace=False))

    def _zoom(self, pair: np.ndarray, rng: Generator) -> float:
        """By how much a window of these slices is magnified: up to 2.2 times or reduced, for other pixel sizes than those of the data."""
        return float(np.exp(rng.uniform(np.log(0.75), np.log(2.2)))) if rng.random() < 0.5 else 1.0

    def _crop(self, pair: np.ndarray, rng: Generator) -> np.ndarray:
        """A window of the slices, magnified as `_zoom` says."""
        side = round(self.crop / self._zoom(pair, rng))
        pair = np.pad(pair, ((0, 0), *((max(0, side - n + 8) // 2 + 1,) * 2 for n in pair.shape[1:])))
        top, left = (rng.integers(n - side + 1) for n in pair.shape[1:])
        window = pair[:, top:top + side, left:left + side]
        if side == self.crop:
            return window
        scale = self.crop / side
        if scale < 1:
            window = ndimage.gaussian_filter(window, (0, 0.4 / scale, 0.4 / scale))
        return np.asarray(ndimage.zoom(window, (1, scale, scale), order=1, grid_mode=True, mode="nearest"))[:, :self.crop, :self.crop]


def validation_slices(cases: list[PreparedCase], contrasts: tuple[str, str], per_case: int = 5, multiple: int = 4,
                      sources: Callable[[PreparedCase, int, list[int]], np.ndarray] = PreparedCase.sources) -> list[np.ndarray]:
    """Evenly spaced slices (2, J, I) with labels 1 and 2, those of the paper, cut to a multiple of 4, as `sources` normalises them."""
    slices = []
    for case in cases:
        wanted = [k for k in range(len(case.labels)) if {1, 2} <= set(np.unique(case.labels[k]))]
        if not wanted:
            raise InputError(f"{case.name} has no slice with labels 1 and 2, so it cannot be validated on: take it out of 'val'.")
        for k in np.array(wanted)[np.linspace(0, len(wanted) - 1, per_case).round().astype(int)]:
            pair = sources(case, k, [case.index(name) for name in contrasts])
            height, width = (n - n % multiple for n in pair.shape[1:])
            slices.append(pair[:, :height, :width])
    return slices
