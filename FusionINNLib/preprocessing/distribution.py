"""Where tissue begins and ends among the values of a volume: distinct values in ascending order, and how often each occurs."""
import numpy as np

from FusionINNLib.volumes.padding import COMMON, percentile, tissue_range

SAMPLE = 1_000_000  # voxels of a floating-point volume that its distribution is taken from
FAR_BEYOND = ((75.0, 5.0), (95.0, 3.0))  # (percentile of the head, how many times as high a voxel is no tissue); 4.3 and 2.5 at most in
# 203 volumes of patients (contrast-enhanced vessels, infarcts, skull with fat)
TOPS = 98.0, 95.0  # percentiles of a volume
FEW, FEW_PADDED = 0.05, 0.2  # share of a volume: no more than these can be far beyond all tissue; beside padding, which blends
FAR_BELOW = 3.0  # ranges (to the 99th percentile) below the 1st, 2nd or 5th percentile from which a voxel is no tissue
BELOW_PADDED = 0.5  # the same, in ranges of tissue, where padding lies below
_DOUBLE = 2 ** 53  # integers up to here are exact in float64


def sample(array: np.ndarray) -> np.ndarray:
    """Voxels of any array, at regular steps, some `SAMPLE` of them."""
    return array.reshape(-1)[::max(1, array.size // SAMPLE)]


def integer_base(stored: np.ndarray) -> int | None:
    """The minimum of 64-bit integers whose differences float64 holds; None for everything else, which float64 holds as it is."""
    if stored.dtype.kind not in "iu" or stored.dtype.itemsize < 8:
        return None
    low, high = int(stored.min()), int(stored.max())
    return low if high - low < _DOUBLE else None


def above(stored: np.ndarray, offset: float | int) -> np.ndarray:
    """`stored - offset` in float64; an `int` is taken off in integers."""
    if not isinstance(offset, int):
        return stored.astype(np.float64) - offset
    return (stored.astype(np.uint64) - np.uint64(offset % 2 ** 64)).view(np.int64).astype(np.float64)


def distribution(stored: np.ndarray, base: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Distinct finite values (less the base) in ascending order (float64) and how often each occurs; extremes are always among them."""
    if stored.dtype.kind in "iu" and stored.dtype.itemsize <= 2:
        low = int(stored.min())
        counts = np.zeros(int(stored.max()) - low + 1, np.int64)
        for part in stored:  # part by part: no second volume in a wider type
            counts += np.bincount(part.ravel().astype(np.int64) - low, minlength=counts.size)
        present = np.flatnonzero(counts)
        return present.astype(np.float64) + low, counts[present]
    some = sample(stored)
    values = np.append(some[np.isfinite(some)], _extremes(stored))
    return np.unique(above(values, 0.0 if base is None else base), return_counts=True)


def lower_limit(values: np.ndarray, counts: np.ndarray, total: int, padded: bool) -> tuple[float, float | None]:
    """(what becomes 0, below what no tissue is or None): the background, and a limit where voxels lie far below everything else.

    total: voxels with padding. padded: whether padding lies below, so that interpolation may have left anything in between.
    """
    offset, limit = _background(values, counts), None
    if offset == values[0]:
        limit = _below_padded(values, counts, total) if padded else _below_few(values, counts)
    if limit is None:
        return offset, None
    values, counts = values[values >= limit], counts[values >= limit]
    offset, first, last = _background(values, counts), percentile(values, counts, 1.0), percentile(values, counts, 99.0)
    return (first if offset == values[0] and first - offset > BELOW_PADDED * (last - first) else offset), limit


def brightness(values: np.ndarray, counts: np.ndarray, offset: float) -> tuple[float, float]:
    """(what becomes 1, above what it would be no tissue): 99.9th percentile of the head, and `FAR_BEYOND`."""
    top = max(percentile(values, counts, 99.5), offset)
    head = values > offset + 0.05 * (top - offset)
    if top == offset:  # an object so small that it does not reach the percentile
        head = values > offset
    bright, limit = percentile(values[head], counts[head], 99.9), _far_beyond(values, counts, offset, top)
    for percent in TOPS:  # wild voxels may be so many that the usual top is one of them
        lower = _far_beyond(values, counts, offset, max(percentile(values, counts, percent), offset))
        if bright > lower and bright <= limit and _is_gap(values, counts, offset, lower):
            return bright, lower
    return bright, limit


def _far_beyond(values: np.ndarray, counts: np.ndarray, offset: float, top: float) -> float:
    """The limit of `FAR_BEYOND` for a head that reaches up to a top, or nearly so."""
    tissue = values > _above_surround(values, counts, offset, top)
    if not tissue.any():
        tissue = values > offset + 0.05 * (top - offset)
    return min(offset + times * (percentile(values[tissue], counts[tissue], percent) - offset) for percent, times in FAR_BEYOND)


def _is_gap(values: np.ndarray, counts: np.ndarray, offset: float, limit: float) -> bool:
    """Whether next to nothing lies just below a limit, compared with what lies above."""
    below = (values > offset + 0.6 * (limit - offset)) & (values <= limit)
    return counts[below].sum() < 0.1 * counts[values > limit].sum()


def _extremes(stored: np.ndarray) -> list[np.generic]:
    """Smallest and largest finite value, in the stored type."""
    if stored.dtype.kind != "f":
        return [stored.min(), stored.max()]
    finite = np.isfinite(stored)
    return [np.min(stored, where=finite, initial=np.inf), np.max(stored, where=finite, initial=-np.inf)]


def _background(values: np.ndarray, counts: np.ndarray) -> float:
    """The value that stands for "nothing here": the commonest where it is common and next to nothing lies below it, else the lowest. Never
    the brightest, which is common where voxels are saturated."""
    commonest = counts[:-1].argmax()
    total = counts.sum()
    dominant = counts[commonest] > 0.05 * total and counts[:commonest].sum() < 0.02 * total
    return float(values[commonest] if dominant else values[0])


def _below_few(values: np.ndarray, counts: np.ndarray) -> float | None:
    last = percentile(values, counts, 99.0)
    for percent in (1.0, 2.0, 100 * FEW):
        first = percentile(values, counts, percent)
        if first - values[0] > FAR_BELOW * (last - first) > 0:
            return first - FAR_BELOW * (last - first)
    return None


def _below_padded(values: np.ndarray, counts: np.ndarray, total: int) -> float | None:
    low, high = tissue_range(values, counts, total)
    limit = low - BELOW_PADDED * (high - low)
    return limit if values[0] < limit and counts[0] < COMMON * total else None


def _above_surround(values: np.ndarray, counts: np.ndarray, offset: float, top: float) -> float:
    """Above what tissue lies, and not what surrounds it, which splines and noise leave above the offset: the commonest of 32 dark shades.

    Where that is tissue, the value is too high, and the limit made with it more lenient.
    """
    if top == offset:
        return offset
    shades, edges = np.histogram(values, 64, (offset, top), weights=counts)
    return max(offset + 0.05 * (top - offset), float(edges[shades[:32].argmax() + 1]))
