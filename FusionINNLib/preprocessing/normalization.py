"""Intensities to the network's nominal 0..1 range and back: affine, stored, never clipped.

0 is the background (or the minimum), 1 the 99.9th percentile inside the head. Values outside 0..1 are kept: the way back is exact.
The scale is that of tissue: a few voxels that lie far beyond everything else, and padding, have no part in it.
"""
from dataclasses import dataclass

import numpy as np

from FusionINNLib.volumes.padding import padding_place

SAMPLE = 1_000_000  # voxels of a floating-point volume that its distribution is taken from
LARGEST_NOMINAL = 20.0  # an image whose bright tissue lies beyond this cannot be on the nominal 0..1 scale
FAR_BEYOND = ((75.0, 5.0), (95.0, 3.0))  # (percentile of the head, how many times as high a voxel is no tissue); 4.3 and 2.5 at most in
# 203 volumes of patients (contrast-enhanced vessels, infarcts, skull with fat)
FEW = 0.05  # share of a volume: no more than these can be far beyond all tissue
FAR_BELOW = 3.0  # ranges (1st to 99th percentile) below the 1st percentile from which a voxel is no tissue
LIMITS = -3.0, 4.0  # on the nominal scale: no tissue lies beyond (-0.14 and 3.1 at most there)
SHOWN_AS = 2.0  # on the nominal scale: what passes through the network for what lies above all tissue
_DOUBLE = 2 ** 53  # integers up to here are exact in float64


@dataclass(frozen=True)
class Normalization:
    """`normalised = (stored - offset) / scale`, for the numbers as they are stored in the volume's array.

    An `offset` that is an `int` belongs to 64-bit integers: it is taken off and put back in integers, which float64 would round.
    """

    offset: float | int
    scale: float

    def apply(self, stored: np.ndarray) -> np.ndarray:
        """Stored numbers of any shape -> float32 on the nominal 0..1 scale. Computed in float64: int16 survives the way back."""
        return self.precisely(stored).astype(np.float32)

    def precisely(self, stored: np.ndarray) -> np.ndarray:
        """The same in float64."""
        return _above(stored, self.offset) / self.scale

    def undo(self, normalised: np.ndarray) -> np.ndarray:
        """Numbers on the nominal scale, of any shape -> float64 numbers as stored."""
        return normalised.astype(np.float64) * self.scale + self.offset

    def undo_as(self, normalised: np.ndarray, dtype: np.dtype) -> np.ndarray:
        """The same in the stored type; integers are rounded, so that they are the scanner's own again, and kept within its limits."""
        if dtype.kind == "b":
            return self.undo(normalised) >= 0.5
        if dtype.kind not in "iu":
            return self.undo(normalised).astype(dtype)
        if isinstance(self.offset, int):
            steps = np.rint(normalised.astype(np.float64) * self.scale).astype(np.int64)
            return (steps.view(np.uint64) + np.uint64(self.offset % 2 ** 64)).view(dtype)  # modulo 2**64, like `_above`
        limits = np.iinfo(dtype)
        highest = float(limits.max) if int(float(limits.max)) == limits.max else np.nextafter(float(limits.max), 0)
        return np.clip(np.rint(self.undo(normalised)), float(limits.min), highest).astype(dtype)


def scaled(stored: np.ndarray, normalization: Normalization) -> np.ndarray:
    """Stored numbers of any shape -> float32 on the nominal 0..1 scale; what is not finite becomes background, 0."""
    normalised = normalization.apply(stored)
    if stored.dtype.kind not in "iub":
        normalised[~np.isfinite(stored)] = 0
    return normalised


@dataclass(frozen=True)
class Tissue:
    """What a volume's scale was taken from, in stored numbers: all but the padding and what lies outside of low..high (None: no limit)."""

    normalization: Normalization
    padding: float | int | None = None
    low: float | int | None = None
    high: float | int | None = None


def fit_volume(stored: np.ndarray) -> Normalization:
    """One map for a whole volume of any shape with at least two distinct finite values: what the default network expects."""
    return fit_tissue(stored).normalization


def fit_tissue(stored: np.ndarray) -> Tissue:
    """The map of `fit_volume`, and what it leaves out.

    Values that are not finite are left out, and so is padding. Where one value fills more than a twentieth of the volume and next to
    nothing lies below it, that is the background of a skull-stripped or masked volume and becomes 0, so that the few negatives of spline
    overshoot or of a noisy ADC map do not shift the whole scale; elsewhere the minimum becomes 0. Single voxels far beyond everything else
    (a clip, a vessel, a failed fit) do not count for the scale, see `FAR_BEYOND`.
    """
    base = _integer_base(stored)
    values, counts = _distribution(stored, base)
    if values.size == 1:  # a constant one is refused before it comes here; what was made of two sources may be constant by chance
        return Tissue(Normalization(float(values[0]) if base is None else base, 1.0))
    place, padding, low, high = padding_place(values, counts), None, None, None
    if place is not None:
        padding, rest = values[place], slice(1, None) if place == 0 else slice(None, -1)
        values, counts = values[rest], counts[rest]
    offset = _background(values, counts)
    first, last = _percentile(values, counts, 1.0), _percentile(values, counts, 99.0)
    if offset == values[0] and first - offset > FAR_BELOW * (last - first) > 0:
        low = first - FAR_BELOW * (last - first)
        values, counts = values[values >= low], counts[values >= low]
        offset = values[0]
    bright, limit = _bright(values, counts, offset)
    while bright > limit and counts[values > limit].sum() <= FEW * counts.sum():  # what is many is tissue, above a background taken for it
        high = limit
        values, counts = values[values <= limit], counts[values <= limit]
        bright, limit = _bright(values, counts, offset)
    scale = float(bright - offset)
    low = offset + LIMITS[0] * scale if low is None and values[0] < offset + LIMITS[0] * scale else low
    high = offset + LIMITS[1] * scale if high is None and values[-1] > offset + LIMITS[1] * scale else high
    padding, low, high = (None if one is None else float(one) if base is None else base + int(one) for one in (padding, low, high))
    return Tissue(Normalization(float(offset) if base is None else base + int(offset), scale), padding, low, high)


def kept_apart(stored: np.ndarray, tissue: Tissue) -> np.ndarray:
    """Which voxels, of any shape, do not pass through the network as they are: padding and what is no tissue."""
    apart = np.zeros(stored.shape, bool)
    with np.errstate(invalid="ignore"):
        if tissue.padding is not None:
            apart |= stored == tissue.padding
        if tissue.low is not None:
            apart |= stored < tissue.low
        if tissue.high is not None:
            apart |= stored > tissue.high
    return apart & np.isfinite(stored) if stored.dtype.kind == "f" else apart


def tamed(stored: np.ndarray, tissue: Tissue, apart: np.ndarray) -> np.ndarray:
    """What passes through the network: the array itself where nothing is kept apart, else one where padding and what lies below all tissue
    is background, and what lies above is bright (`SHOWN_AS`)."""
    if not apart.any():
        return stored
    background = tissue.normalization.undo_as(np.zeros((), np.float32), stored.dtype)
    bright = tissue.normalization.undo_as(np.full((), SHOWN_AS, np.float32), stored.dtype)
    above = apart & (stored > tissue.high) if tissue.high is not None else np.zeros_like(apart)
    if tissue.padding is not None:
        above &= stored != tissue.padding
    return np.where(above, bright, np.where(apart, background, stored))


def without_extremes(stored: np.ndarray) -> np.ndarray:
    """`tamed` by the volume's own scale: the array itself where it is an ordinary one."""
    tissue = fit_tissue(stored)
    return tamed(stored, tissue, kept_apart(stored, tissue))


def _bright(values: np.ndarray, counts: np.ndarray, offset: float) -> tuple[float, float]:
    """(what becomes 1, above what it would be no tissue): 99.9th percentile of the head, and `FAR_BEYOND`."""
    top = max(_percentile(values, counts, 99.5), offset)
    head = values > offset + 0.05 * (top - offset)
    if top == offset:  # an object so small that it does not reach the percentile
        head = values > offset
    tissue = values > _above_surround(values, counts, offset, top)
    tissue = tissue if tissue.any() else head
    limit = min(offset + times * (_percentile(values[tissue], counts[tissue], percent) - offset) for percent, times in FAR_BEYOND)
    return _percentile(values[head], counts[head], 99.9), limit


def _above_surround(values: np.ndarray, counts: np.ndarray, offset: float, top: float) -> float:
    """Above what tissue lies, and not what surrounds it, which splines and noise leave above the offset: the commonest of 32 dark shades.

    Where that is tissue, the value is too high, and the limit made with it more lenient.
    """
    if top == offset:
        return offset
    shades, edges = np.histogram(values, 64, (offset, top), weights=counts)
    return max(offset + 0.05 * (top - offset), float(edges[shades[:32].argmax() + 1]))


def fit_slice(stored: np.ndarray) -> Normalization:
    """Minimum to 0 and maximum to 1 of one slice (Kumar et al. 2024, section 4): what the published network expects.

    A constant slice, which the published code turns into NaN, keeps its unit: it becomes 0.
    """
    base = _integer_base(stored)
    if base is not None:
        return Normalization(base, float(int(stored.max()) - base) or 1.0)
    finite = stored[np.isfinite(stored)]
    if finite.size == 0:
        return Normalization(0.0, 1.0)
    low, high = float(finite.min()), float(finite.max())
    return Normalization(low, high - low or 1.0)


def bright_level(image: np.ndarray) -> float:
    """99.9th percentile inside the head, on the scale of the image: what `fit_volume` sets to 1."""
    normalization = fit_volume(image)
    return normalization.offset + normalization.scale


def is_nominal(stored: np.ndarray) -> bool:
    """Whether numbers as they are stored can be an image on the nominal 0..1 scale: floating point, its bright tissue not far beyond 1."""
    return stored.dtype.kind == "f" and bright_level(finite(stored)) <= LARGEST_NOMINAL


def finite(image: np.ndarray) -> np.ndarray:
    """An image on the nominal 0..1 scale, of any shape, as float32; what is not finite becomes background, 0."""
    return np.nan_to_num(image.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)


def dark_level(image: np.ndarray) -> float:
    """What surrounds the head, on the scale of the image: one value where the head was cut out, else the middle of the noise."""
    low, high = np.percentile(_sample(image), (0.1, 99.5))
    dark = image[image < low + 0.1 * (high - low)]
    return float(np.median(_sample(dark))) if dark.size else float(low)


def levels(image: np.ndarray) -> tuple[float, float]:
    """Two far-apart percentiles of a finite image: they move with it when it is stored again on another scale."""
    low, high = np.percentile(_sample(image), (2.0, 99.9))
    if low == high:
        low, high = image.min(), image.max()
    return float(low), float(high)


def _sample(array: np.ndarray) -> np.ndarray:
    return array.reshape(-1)[::max(1, array.size // SAMPLE)]


def _integer_base(stored: np.ndarray) -> int | None:
    """The minimum of 64-bit integers whose differences float64 holds; None for everything else, which float64 holds as it is."""
    if stored.dtype.kind not in "iu" or stored.dtype.itemsize < 8:
        return None
    low, high = int(stored.min()), int(stored.max())
    return low if high - low < _DOUBLE else None


def _above(stored: np.ndarray, offset: float | int) -> np.ndarray:
    """`stored - offset` in float64."""
    if not isinstance(offset, int):
        return stored.astype(np.float64) - offset
    return (stored.astype(np.uint64) - np.uint64(offset % 2 ** 64)).view(np.int64).astype(np.float64)


def _distribution(stored: np.ndarray, base: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Distinct finite values (less the base) in ascending order (float64) and how often each occurs; extremes are always among them."""
    if stored.dtype.kind in "iu" and stored.dtype.itemsize <= 2:
        low = int(stored.min())
        counts = np.zeros(int(stored.max()) - low + 1, np.int64)
        for part in stored:  # part by part: no second volume in a wider type
            counts += np.bincount(part.ravel().astype(np.int64) - low, minlength=counts.size)
        present = np.flatnonzero(counts)
        return present.astype(np.float64) + low, counts[present]
    sample = _sample(stored)
    values = np.append(sample[np.isfinite(sample)], _extremes(stored))
    return np.unique(_above(values, 0.0 if base is None else base), return_counts=True)


def _extremes(stored: np.ndarray) -> list[np.generic]:
    """Smallest and largest finite value, in the stored type."""
    if stored.dtype.kind != "f":
        return [stored.min(), stored.max()]
    finite = np.isfinite(stored)
    return [np.min(stored, where=finite, initial=np.inf), np.max(stored, where=finite, initial=-np.inf)]


def _background(values: np.ndarray, counts: np.ndarray) -> float:
    """The value that stands for "nothing here": see `fit_volume`. Never the brightest, which is common where voxels are saturated."""
    commonest = counts[:-1].argmax()
    total = counts.sum()
    dominant = counts[commonest] > 0.05 * total and counts[:commonest].sum() < 0.02 * total
    return float(values[commonest] if dominant else values[0])


def _percentile(values: np.ndarray, counts: np.ndarray, percent: float) -> float:
    """Smallest value that at least this share of the voxels does not exceed."""
    cumulative = counts.cumsum()
    return float(values[np.searchsorted(cumulative, percent / 100 * cumulative[-1])])
