"""Two numbers in one that may lose its last digits: the place on a curve that fills the plane (Hilbert 1891, 10.1007/BF01199431).

Places near each other on the curve are near each other in the plane, so a little noise costs a little of both numbers, and never all of
one (Shannon 1949, Communication in the presence of noise, section IV, has the idea). The curve goes through `SQUARES` squares side by side:
the first number has so many times the steps of the second.
"""
from functools import cache, lru_cache

import numpy as np
from scipy import ndimage

SQUARES, SIDE = 4, 64
PLACES = SQUARES * SIDE * SIDE
_OCTAVES, _RATIOS = 2, 16  # the tables: ratios of a half octave, so many of them
_ANYWHERE = 1e-5  # of the likelihood at 0, that every number has: one voxel of each cube does have the largest


def places(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Numbers (n,) from -1 to 1 -> whole places on the curve, from 0 to `PLACES` - 1."""
    at = np.sign(first) * np.sqrt(np.abs(first))  # small ones are the commoner ones: they get the finer steps
    column = np.clip((at + 1) / 2 * SQUARES * SIDE, 0, SQUARES * SIDE - 1).astype(np.int64)
    row = np.clip((second + 1) / 2 * SIDE, 0, SIDE - 1).astype(np.int64)
    return _place_of()[column, row]


def numbers(place: np.ndarray, noise: float, ratio: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Both numbers (n,) that are to be expected at places (n,), and their variances.

    Args:
        noise: standard deviation of the places that were read, in places; infinite where they tell nothing.
        ratio: (n,) root mean square of the first number where this place comes from, which is taken to be distributed after Laplace; the
            second is taken to be uniform.
    """
    row = np.clip(np.rint(-_OCTAVES * np.log2(np.maximum(ratio, 1e-9))), 0, _RATIOS - 1).astype(np.int64)
    first, second, first_variance, second_variance = _expected(noise)
    return first[row, place], second[row, place], first_variance[row, place], second_variance[row, place]


@cache
def _cells() -> np.ndarray:
    """(PLACES, 2) whole coordinates along the curve."""
    x = y = np.zeros(1, np.int64)
    n = 1
    while n < SIDE:  # from a corner to the one beside it: four smaller ones, the first and the last mirrored at a diagonal
        x, y = np.concatenate([y, x, x + n, 2 * n - 1 - y]), np.concatenate([x, y + n, y + n, n - 1 - x])
        n *= 2
    columns = (x + SIDE * np.arange(SQUARES)[:, None]).ravel()
    return np.stack([columns, np.tile(y, SQUARES)], 1)


@cache
def _place_of() -> np.ndarray:
    """(SQUARES * SIDE, SIDE) the place of each cell."""
    found = np.zeros((SQUARES * SIDE, SIDE), np.int64)
    found[tuple(_cells().T)] = np.arange(PLACES)
    return found


@lru_cache(4)
def _expected(noise: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Tables (ratios, places) of mean and variance of both numbers, as Bayes has it where a place is known up to noise, as evenly
    distributed as that of rounding is."""
    column, row = _cells().T
    at = (column + 0.5) * 2 / (SQUARES * SIDE) - 1
    first, width = at * np.abs(at), 2 * np.abs(at) * 2 / (SQUARES * SIDE)
    second = (row + 0.5) * 2 / SIDE - 1
    ratios = 2.0 ** (-np.arange(_RATIOS) / _OCTAVES)
    likely = width * (np.exp(-np.sqrt(2) * np.abs(first) / ratios[:, None]) + _ANYWHERE)
    reach = float(np.clip((np.sqrt(12) * noise - 1) / 2, 0, 2 * PLACES))  # places to either side, the outermost of which count in part
    size, part = 2 * int(reach) + 1, reach % 1

    def near(values: np.ndarray) -> np.ndarray:
        inner, outer = (width * ndimage.uniform_filter1d(values, width, axis=1, mode="constant") for width in (size, size + 2))
        return (1 - part) * inner + part * outer

    weight = np.maximum(near(likely), 1e-300)
    means = [near(likely * values) / weight for values in (first, second)]
    squares = [near(likely * (values ** 2 + step ** 2 / 12)) / weight for values, step in ((first, width), (second, 2 / SIDE))]
    variances = [np.maximum(square - mean ** 2, 0) for square, mean in zip(squares, means)]
    return means[0], means[1], variances[0], variances[1]
