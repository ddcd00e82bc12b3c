"""Padding: one value around the head that is no measurement, such as -32768, as converters and masking tools leave it."""
from __future__ import annotations

import numpy as np

COMMON = 0.05
"""Share of the voxels from which a value may be padding."""
LEAST_REST = 0.01
"""Share of the voxels that must hold something else."""
FAR = 3.0
"""Distance of padding from everything else, in ranges (1st to 99th percentile) of that. A head on zeros has its zeros much nearer."""
_SAMPLE = 200_000


def padding_place(values: np.ndarray, counts: np.ndarray) -> int | None:
    """Place (0 or -1) of the padding among distinct values in ascending order, with their counts; None where there is none."""
    total = counts.sum()
    for place, rest in ((0, slice(1, None)), (-1, slice(None, -1))):
        others, often = values[rest], counts[rest].cumsum()
        if counts[place] < COMMON * total or often.size < 2 or often[-1] < LEAST_REST * total:
            continue
        low, high = others[np.searchsorted(often, np.array([0.01, 0.99]) * often[-1])]
        if high > low and abs((low if place == 0 else high) - values[place]) > FAR * (high - low):
            return place
    return None


def padding_value(array: np.ndarray) -> np.generic | None:
    """The padding of a volume of any shape, from a sample, in its own type; None where there is none. NaN and infinities are none."""
    sample = array.reshape(-1)[::max(1, array.size // _SAMPLE)]
    if sample.dtype.kind == "f":
        sample = sample[np.isfinite(sample)]
    found, counts = np.unique(sample, return_counts=True)
    place = padding_place(found.astype(np.float64), counts)
    return None if place is None else found[place]
