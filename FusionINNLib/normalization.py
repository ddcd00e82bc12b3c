"""Intensities to the network's nominal 0..1 range and back: affine, stored, never clipped.

0 is the background (or the minimum), 1 the 99.9th percentile inside the head. Values outside 0..1 are kept: the way back is exact.
"""
from dataclasses import dataclass

import numpy as np

SAMPLE = 1_000_000  # voxels of a floating-point volume that its distribution is taken from


@dataclass(frozen=True)
class Normalization:
    """`normalised = (stored - offset) / scale`, for the numbers as they are stored in the volume's array."""

    offset: float
    scale: float

    def apply(self, stored: np.ndarray) -> np.ndarray:
        """Stored numbers of any shape -> float32 on the nominal 0..1 scale. Computed in float64: int16 survives the way back."""
        return ((stored.astype(np.float64) - self.offset) / self.scale).astype(np.float32)

    def undo(self, normalised: np.ndarray) -> np.ndarray:
        """Numbers on the nominal scale, of any shape -> float64 numbers as stored."""
        return normalised.astype(np.float64) * self.scale + self.offset


def fit_volume(stored: np.ndarray) -> Normalization:
    """One map for a whole volume of any shape with at least two distinct finite values: what the default network expects.

    Values that are not finite are left out. Where one value fills more than a twentieth of the volume and next to nothing lies below
    it, that is the background of a skull-stripped or masked volume and becomes 0, so that the few negatives of spline overshoot or of
    a noisy ADC map do not shift the whole scale; elsewhere the minimum becomes 0.
    """
    values, counts = _distribution(stored)
    offset = _background(values, counts)
    top = max(_percentile(values, counts, 99.5), offset)
    head = values > offset + 0.05 * (top - offset)
    if top == offset:  # an object so small that it does not reach the percentile
        head = values > offset
    return Normalization(float(offset), float(_percentile(values[head], counts[head], 99.9) - offset))


def fit_slice(stored: np.ndarray) -> Normalization:
    """Minimum to 0 and maximum to 1 of one slice (Kumar et al. 2024, section 4): what the published network expects.

    A constant slice, which the published code turns into NaN, keeps its unit: it becomes 0.
    """
    finite = stored[np.isfinite(stored)]
    if finite.size == 0:
        return Normalization(0.0, 1.0)
    low, high = float(finite.min()), float(finite.max())
    return Normalization(low, high - low or 1.0)


def bright_level(image: np.ndarray) -> float:
    """99.9th percentile inside the head, on the scale of the image: what `fit_volume` sets to 1."""
    normalization = fit_volume(image)
    return normalization.offset + normalization.scale


def _distribution(stored: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distinct finite values in ascending order (float64) and how often each occurs; extremes are always among them."""
    if stored.dtype.kind in "iu" and stored.dtype.itemsize <= 2:
        low = int(stored.min())
        counts = np.zeros(int(stored.max()) - low + 1, np.int64)
        for part in stored:  # part by part: no second volume in a wider type
            counts += np.bincount(part.ravel().astype(np.int64) - low, minlength=counts.size)
        present = np.flatnonzero(counts)
        return present.astype(np.float64) + low, counts[present]
    flat = stored.reshape(-1)
    sample = flat[::max(1, flat.size // SAMPLE)]
    sample = sample[np.isfinite(sample)].astype(np.float64)
    values, counts = np.unique(np.append(sample, (np.min(stored, where=np.isfinite(stored), initial=np.inf),
                                                  np.max(stored, where=np.isfinite(stored), initial=-np.inf))), return_counts=True)
    return values, counts


def _background(values: np.ndarray, counts: np.ndarray) -> float:
    """The value that stands for "nothing here": see `fit_volume`."""
    commonest = counts.argmax()
    total = counts.sum()
    dominant = counts[commonest] > 0.05 * total and counts[:commonest].sum() < 0.02 * total
    return values[commonest] if dominant else values[0]


def _percentile(values: np.ndarray, counts: np.ndarray, percent: float) -> float:
    """Smallest value that at least this share of the voxels does not exceed."""
    cumulative = counts.cumsum()
    return values[np.searchsorted(cumulative, percent / 100 * cumulative[-1])]
