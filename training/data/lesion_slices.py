"""Batches of slices with their drawn lesion, changed at random by MONAI's transforms."""
from typing import Any, cast

import numpy as np
from monai.transforms.compose import Compose
from monai.transforms.intensity.dictionary import RandGaussianNoised, RandGaussianSmoothd, RandScaleIntensityd, RandShiftIntensityd
from monai.transforms.spatial.dictionary import RandAffined, RandFlipd
from numpy.random import Generator

from FusionINNLib.outlining.canvas import with_neighbours
from training.data.prepare import PreparedCase

LESION_SHARE = 0.75  # of the slices that are drawn show a lesion


class SliceSampler:
    """Draws rows (2 * slices + 1, H, W): neighbours of the first modality, of the second, and the label of the middle slice.

    Args:
        cases: set name -> cases on the canvas; `shares` says how often each set is drawn.
        slices: neighbours of a modality.
    """

    def __init__(self, cases: dict[str, list[PreparedCase]], shares: dict[str, float], slices: int):
        self.cases, self.slices = cases, slices
        self.sets, weights = zip(*shares.items())
        self.weights = np.array(weights) / sum(weights)
        self.changes = _changes()

    def batch(self, rows: range, key: list[int]) -> np.ndarray:
        """Some rows of the batch that `key` names, float32."""
        return np.stack([self.draw(np.random.default_rng([*key, row])) for row in rows])

    def draw(self, rng: Generator) -> np.ndarray:
        """One row."""
        cases = self.cases[self.sets[rng.choice(len(self.sets), p=self.weights)]]
        case = cases[rng.integers(len(cases))]
        marked = np.flatnonzero(case.labels.any((1, 2)))
        k = int(rng.choice(marked) if marked.size and rng.random() < LESION_SHARE else rng.integers(len(case.labels)))
        self.changes.set_random_state(int(rng.integers(2**31)))
        parts = {name: row_of(image, k, self.slices) for name, image in zip(("first", "second"), case.contrasts)}
        changed = cast("dict[str, Any]", self.changes(parts | {"label": case.labels[k][None].astype(np.float32)}))
        return np.concatenate([np.asarray(changed[name], np.float32) for name in ("first", "second", "label")])


def row_of(image: np.ndarray, k: int, slices: int) -> np.ndarray:
    """Slice k of (K, H, W) with its neighbours, (slices, H, W) float32."""
    wanted = np.clip(np.arange(k - slices // 2, k + slices // 2 + 1), 0, len(image) - 1)
    return image[wanted].astype(np.float32)


def _changes() -> Compose:
    """Mirrored left to right, turned, scaled and moved together; brightness, contrast, noise and sharpness of each modality apart."""
    every, images = ["first", "second", "label"], ["first", "second"]
    modes = ["bilinear", "bilinear", "nearest"]
    own = [change for name in images
           for change in (RandScaleIntensityd([name], factors=0.25, prob=0.5), RandShiftIntensityd([name], offsets=0.3, prob=0.5),
                          RandGaussianNoised([name], prob=0.2, std=0.15), RandGaussianSmoothd([name], (0.3, 1.0), (0.3, 1.0), prob=0.15))]
    return Compose([RandFlipd(every, prob=0.5, spatial_axis=1),
                    RandAffined(every, prob=0.8, rotate_range=0.25, scale_range=0.2, translate_range=6, mode=modes, padding_mode="border"),
                    *own])


def volume_rows(case: PreparedCase, slices: int) -> tuple[np.ndarray, np.ndarray]:
    """All slices of a case as two images (K, slices, H, W) float32."""
    first, second = (with_neighbours(image.astype(np.float32), slices).numpy() for image in case.contrasts)
    return first, second
