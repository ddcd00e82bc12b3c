"""Which base the digits of a cube have: larger where texture hides more."""
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import ndimage

from FusionINNLib.methods.rdh.digits import GROUPS

WINDOW = 7  # voxels, within the slice: about that of a structural similarity
FLAT = 9e-4  # the constant that keeps a structural similarity (Wang et al. 2004, range 1) from asking too much of flat places
PRICE = 0.004  # of similarity to the average, that digits cost in each place
_LARGEST = max(GROUPS)


def bases(average: np.ndarray, axis: int, step: float, cut: Callable[[np.ndarray], np.ndarray], shown: np.ndarray) -> np.ndarray:
    """(n,) base of each cube, 1 where none is worth its price.

    A digit of base m moves a level by up to m / 2, a mean square of (m step)^2 / 12; that costs a structural similarity as much over
    2 variance + `FLAT`. So each place pays the same where m^2 follows that.

    Args:
        average: (k, j, i) on the nominal scale. axis: across the slices. step: of a grey level.
        cut: what makes cubes of a volume. shown: bool cubes (n, 8, 8, 8), where digits may be.
    """
    size: Any = [1 if other == axis else WINDOW for other in range(3)]  # SciPy has no types, its preset is a number
    values = average.astype(np.float64)
    mean = ndimage.uniform_filter(values, size)
    variance = np.maximum(ndimage.uniform_filter(values * values, size) - mean * mean, 0)
    dearness = np.where(shown, 1 / (2 * cut(variance) + FLAT), 0).sum((1, 2, 3)) / np.maximum(shown.sum((1, 2, 3)), 1)
    best = np.sqrt(12 * PRICE / np.maximum(dearness, 1e-9)) / step
    return np.clip(np.rint(best), 1, _LARGEST).astype(np.int64)
