"""Padding: one or a few values that are no measurement, such as -32768 or 4095, as converters and masking tools leave them round a head.

What counts is the distribution: values that many voxels share, with next to nothing between them and all others. At the dark end they are
padding where they lie far from tissue, or where tissue has another background above them; at the bright end where they lie clearly above
everything, and outside of the head. Zeros round a brain lie much nearer, and saturated tissue has neighbours just below it.
"""
# SciPy has no types:
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np

COMMON = 0.02
"""Share of the voxels from which a value may be padding."""
LEAST_REST = 0.01
"""Share of the voxels that must hold something else."""
BETWEEN = 0.2
"""Voxels that may lie between padding and all else, as a share of the padding: interpolation leaves some at a border."""
BEYOND = 0.02
"""The same for what lies beyond padding, wild voxels; splines leave more below zeros."""
FEW, VERY_FAR = 16, 3.0
"""Of so few values inside, which may be labels, padding at either end is this many of their ranges away."""
FAR = 1.7
"""Distance of dark padding from tissue, in ranges (1st to 99th percentile) of that. Zeros round a brain: 0.8 at most in 200 scans of
patients, whole, in parts and in slices."""
OF_ALL = 0.1
"""The least of that distance in ranges of all that is no padding; enough where this begins with a background of its own."""
BACKGROUND = 0.1
"""Share of all that is no padding which one value must hold to be that background."""
ABOVE, NEARLY_NONE = 0.3, 0.005
"""Distance of bright padding from all else, in ranges of that, outside of the head, and what may lie between there; else `VERY_FAR`."""
MANY = 0.05
"""Share of the voxels above which bright padding that is so far may lie in the head; fewer there are wild voxels, see `preprocessing/`."""
BORDER = 0.25
"""Share of two opposite faces of the volume that padding holds where more lies in between."""
_TRIMMED = 3.0  # ranges (10th to 90th percentile) beyond which a voxel is none of the tissue that padding is compared with
_MOST = 4  # padding values at one end
_SAMPLE, _LOOK = 200_000, 2_000_000

Outside = Callable[[list[int], bool], bool]
"""(places among the distinct values, whether at the border too) -> whether most voxels that hold them lie outside of the head."""


def padding_values(array: np.ndarray) -> list[np.generic]:
    """The padding values of a volume (k, j, i), from a sample, in its own type; most have none. NaN and infinities are none."""
    sample = array.reshape(-1)[::max(1, array.size // _SAMPLE) | 1]  # an odd step never meets one column alone
    if sample.dtype.kind == "f":
        sample = sample[np.isfinite(sample)]
    found, counts = np.unique(sample, return_counts=True)
    return [found[place] for place in padding_places(found.astype(np.float64), counts,
                                                     lambda places, at_border: lie_outside(array, found[places], at_border))]


def padding_places(values: np.ndarray, counts: np.ndarray, outside: Outside) -> list[int]:
    """Places of padding among distinct values in ascending order, with their counts. outside: asked where the counts do not tell."""
    common, found = np.flatnonzero(counts >= COMMON * counts.sum()), list[int]()
    if len(values) < 3:
        return found
    for below, above in product((-1, *common[:_MOST]), (len(values), *common[:-1 - _MOST:-1])):
        dark, bright = common[common <= below], common[common >= above]
        if below < above and len(dark) + len(bright) > len(found) and _are_padding(values, counts, dark, bright, outside):
            found = [*map(int, dark), *map(int, bright)]
    return found


def lie_outside(array: np.ndarray, values: np.ndarray, at_border: bool) -> bool:
    """Whether most voxels of an array (k, j, i) that hold one of these values are enclosed by others in no plane.

    at_border: they must hold much of two opposite faces of the volume besides.
    """
    if array.ndim != 3:
        return False
    from scipy.ndimage import binary_fill_holes, generate_binary_structure

    step = max(1, round((array.size / _LOOK) ** (1 / 3)))
    some = array[tuple(slice(None, None, step if size >= 16 * step else 1) for size in array.shape)]
    holding = np.isin(some, values)
    faces = [holding.take([0, -1], axis).mean() for axis in range(3) if some.shape[axis] > 2]
    if at_border and max(faces, default=0) < BORDER:
        return False
    rest = ~holding if array.dtype.kind != "f" else ~holding & np.isfinite(some)
    enclosed = np.zeros(some.shape, bool)
    for axis in range(3):
        enclosed |= np.asarray(binary_fill_holes(rest, np.expand_dims(generate_binary_structure(2, 1), axis)))
    return bool(np.count_nonzero(enclosed & holding) < 0.5 * np.count_nonzero(holding))


def tissue_range(values: np.ndarray, counts: np.ndarray, total: int) -> tuple[float, float]:
    """1st and 99th percentile of distinct values with their counts, without dark ones that fill much of `total`, and outliers."""
    rare = counts < COMMON * total
    if counts[rare].sum() < LEAST_REST * total:
        return percentile(values, counts, 1), percentile(values, counts, 99)
    values, counts = values[rare], counts[rare]
    low, high = percentile(values, counts, 10), percentile(values, counts, 90)
    usual = np.abs(values - (low + high) / 2) <= (_TRIMMED + 0.5) * (high - low)
    return percentile(values[usual], counts[usual], 1), percentile(values[usual], counts[usual], 99)


def percentile(values: np.ndarray, counts: np.ndarray, percent: float) -> float:
    """Smallest of distinct values, in ascending order with their counts, that at least this share of the voxels does not exceed."""
    cumulative = counts.cumsum()
    return float(values[np.searchsorted(cumulative, percent / 100 * cumulative[-1])])


def _are_padding(values: np.ndarray, counts: np.ndarray, dark: np.ndarray, bright: np.ndarray, outside: Outside) -> bool:
    """Whether these places, all common ones from either end, are padding together."""
    first, last = dark[-1] + 1 if dark.size else 0, bright[0] if bright.size else len(values)
    inside, often = values[first:last], counts[first:last]
    if len(inside) < 2 or often.sum() < LEAST_REST * counts.sum():
        return False
    below, above = counts[dark].sum(), counts[bright].sum()
    beyond = counts[:first].sum() - below, counts[last:].sum() - above
    if any(few > BEYOND * min(many, often.sum()) for few, many in zip(beyond, (below, above))):
        return False
    if dark.size and not _is_below(float(values[dark[-1]]), below, inside, often, counts.sum()):
        return False
    return not bright.size or _is_above(float(values[bright[0]]), above, inside, often, counts.sum(),
                                        lambda at_border: outside([*map(int, bright)], at_border))


def _is_below(value: float, many: int, inside: np.ndarray, often: np.ndarray, total: int) -> bool:
    """Whether `many` voxels at a value and below it are padding, by what is inside and how often."""
    if len(inside) <= FEW:
        return bool(inside[0] - value > VERY_FAR * (inside[-1] - inside[0]))
    low, high = tissue_range(inside, often, total)
    least = OF_ALL * max(percentile(inside, often, 97) - inside[0], high - low)
    if often[0] > BACKGROUND * often.sum() and inside[0] - value > least:
        return True
    between = often[inside < low].sum()
    return bool(low - value > max(FAR * (high - low), least) and between <= BETWEEN * min(many, often.sum()))


def _is_above(value: float, many: int, inside: np.ndarray, often: np.ndarray, total: int, outside: Callable[[bool], bool]) -> bool:
    """The same for a value and all above it. outside: whether these lie outside of the head, and at the border too."""
    downwards, lowest = often[::-1].cumsum(), percentile(inside, often, 1)

    def distance(share: float) -> float:
        """From all else but `share` of the padding, in its ranges."""
        highest = inside[::-1][np.searchsorted(downwards, min(share * many, downwards[-1] / 4), "right")]
        return (value - highest) / (highest - lowest) if highest > lowest else 0.0

    if distance(BETWEEN) > VERY_FAR and (many > MANY * total or outside(False)):
        return True
    return len(inside) > FEW and ((distance(NEARLY_NONE) > ABOVE and outside(False)) or (distance(BETWEEN) > ABOVE and outside(True)))
