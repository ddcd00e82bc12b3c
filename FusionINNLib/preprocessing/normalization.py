"""Intensities to the network's nominal 0..1 range and back: affine, stored, never clipped.

0 is the background (or the minimum), 1 the 99.9th percentile inside the head. Values outside 0..1 are kept: the way back is exact.
The scale is that of tissue: a few voxels that lie far beyond everything else, and padding, have no part in it.
"""
from dataclasses import dataclass

import numpy as np

from FusionINNLib.preprocessing.distribution import FEW, FEW_PADDED, above, brightness, distribution, integer_base, lower_limit, sample
from FusionINNLib.volumes.padding import lie_outside, padding_places

LARGEST_NOMINAL = 20.0  # an image whose bright tissue lies beyond this cannot be on the nominal 0..1 scale
LIMITS = -3.0, 4.0  # on the nominal scale: no tissue lies beyond (-0.14 and 3.1 at most there)
SHOWN_AS = 2.0  # on the nominal scale: what passes through the network for what lies above all tissue


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
        return above(stored, self.offset) / self.scale

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
            return (steps.view(np.uint64) + np.uint64(self.offset % 2 ** 64)).view(dtype)  # modulo 2**64, like `above`
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
    padding: tuple[float | int, ...] = ()
    low: float | int | None = None
    high: float | int | None = None


def fit_volume(stored: np.ndarray) -> Normalization:
    """One map for a whole volume of any shape with at least two distinct finite values: what the default network expects."""
    return fit_tissue(stored).normalization


def fit_tissue(stored: np.ndarray) -> Tissue:
    """The map of `fit_volume`, and what it leaves out.

    Values that are not finite are left out, and so is padding, see volumes/padding.py. Where one value fills more than a twentieth of the
    volume and next to nothing lies below it, that is the background of a skull-stripped or masked volume and becomes 0, so that the few
    negatives of spline overshoot or of a noisy ADC map do not shift the whole scale; elsewhere the minimum becomes 0. Single voxels far
    beyond everything else (a clip, a vessel, a failed fit) do not count for the scale, see `FAR_BEYOND` in distribution.py.
    """
    base = integer_base(stored)
    values, counts = distribution(stored, base)
    if values.size == 1:  # a constant one is refused before it comes here; what was made of two sources may be constant by chance
        return Tissue(Normalization(float(values[0]) if base is None else base, 1.0))
    total = counts.sum()
    padding = padding_places(values, counts, lambda places, at_border: lie_outside(
        stored, np.array([_stored_number(values[place], base) for place in places], stored.dtype), at_border))
    taken = values[padding]
    values, counts = np.delete(values, padding), np.delete(counts, padding)
    offset, low = lower_limit(values, counts, total, padded=bool((taken < values[0]).any()))
    if low is not None:
        values, counts = values[values >= low], counts[values >= low]
    few, high = total * (FEW_PADDED if (taken > values[-1]).any() else FEW), None
    bright, limit = brightness(values, counts, offset)
    while bright > limit and counts[values > limit].sum() <= few:  # what is many is tissue, above a background taken for it
        high = limit
        values, counts = values[values <= limit], counts[values <= limit]
        bright, limit = brightness(values, counts, offset)
    scale = float(bright - offset)
    low = offset + LIMITS[0] * scale if low is None and values[0] < offset + LIMITS[0] * scale else low
    high = offset + LIMITS[1] * scale if high is None and values[-1] > offset + LIMITS[1] * scale else high
    low, high = (None if one is None else _stored_number(one, base) for one in (low, high))
    return Tissue(Normalization(_stored_number(offset, base), scale), tuple(_stored_number(one, base) for one in taken), low, high)


def is_padding(stored: np.ndarray, tissue: Tissue) -> np.ndarray:
    """Which voxels, of any shape, hold a padding value."""
    found = np.zeros(stored.shape, bool)
    for value in tissue.padding:
        found |= stored == value
    return found


def kept_apart(stored: np.ndarray, tissue: Tissue) -> np.ndarray:
    """Which voxels, of any shape, do not pass through the network as they are: padding and what is no tissue."""
    with np.errstate(invalid="ignore"):
        apart = is_padding(stored, tissue)
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
    wild = apart & (stored > tissue.high) & ~is_padding(stored, tissue) if tissue.high is not None else np.zeros_like(apart)
    return np.where(wild, bright, np.where(apart, background, stored))


def without_extremes(stored: np.ndarray) -> np.ndarray:
    """`tamed` by the volume's own scale: the array itself where it is an ordinary one."""
    tissue = fit_tissue(stored)
    return tamed(stored, tissue, kept_apart(stored, tissue))


def fit_slice(stored: np.ndarray) -> Normalization:
    """Minimum to 0 and maximum to 1 of one slice (Kumar et al. 2024, section 4): what the published network expects.

    A constant slice, which the published code turns into NaN, keeps its unit: it becomes 0.
    """
    base = integer_base(stored)
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
    low, high = np.percentile(sample(image), (0.1, 99.5))
    dark = image[image < low + 0.1 * (high - low)]
    return float(np.median(sample(dark))) if dark.size else float(low)


def levels(image: np.ndarray) -> tuple[float, float]:
    """Two far-apart percentiles of a finite image: they move with it when it is stored again on another scale."""
    low, high = np.percentile(sample(image), (2.0, 99.9))
    if low == high:
        low, high = image.min(), image.max()
    return float(low), float(high)


def _stored_number(value: float, base: int | None) -> float | int:
    """A value of a distribution, which has the base taken off, as it is stored."""
    return float(value) if base is None else base + int(value)
