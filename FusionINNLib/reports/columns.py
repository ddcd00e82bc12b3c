"""Volumes to the columns of a page: through which windows, on which slices. How the page is drawn is in `reports/page.py`."""
from collections.abc import Sequence

import numpy as np

from FusionINNLib.preprocessing.normalization import fit_tissue, kept_apart
from FusionINNLib.reports.page import Panel
from FusionINNLib.volumes.volume import Volume


def window(volume: Volume, axis: int, segmentation: Volume | None = None) -> tuple[float, float]:
    """The values to show darkest and brightest: nearly all of the head and of the tumour, in two digits. From a sample of slices."""
    indices = range(0, volume.shape[axis], max(1, volume.shape[axis] // 16))
    sample = _sample(volume, indices, axis)
    finite = np.isfinite(sample)
    if not finite.any() or np.ptp(sample[finite]) == 0:
        return 0.0, 1.0
    ordinary = finite & ~kept_apart(sample, fit_tissue(sample))  # padding and what lies far beyond all tissue have no part in it
    low, high = np.percentile(sample[ordinary], (0.5, 99.95))
    head = sample[ordinary & (sample > low + 0.05 * (high - low))]
    high = float(np.percentile(head, 99.7)) if head.size else float(high)
    if segmentation is not None:
        tumour = sample[finite & (_sample(segmentation, indices, axis) != 0)]
        high = max(high, float(np.percentile(tumour, 99))) if tumour.size else high      # where it matters, nothing is burnt out
    low = 0.0 if -0.02 * high < low < 0.1 * high else float(low)
    if not low < high:  # nearly all of it has one value
        low, high = float(sample[ordinary].min()), float(sample[ordinary].max())
    return (_two_digits(low), _two_digits(high)) if _two_digits(low) < _two_digits(high) else (low, high)


def spread_window(volume: Volume, axis: int) -> tuple[float, float]:
    """From 0 to what nearly all of a standard deviation stays below: a rim or a spot that is much less sure is not to darken the rest."""
    sample = _sample(volume, range(0, volume.shape[axis], max(1, volume.shape[axis] // 16)), axis)
    unsure = sample[np.isfinite(sample) & (sample > 0)]
    return 0.0, _two_digits(float(np.percentile(unsure, 95))) if unsure.size else 1.0


def _sample(volume: Volume, indices, axis: int) -> np.ndarray:
    """Every other voxel of some slices, (slices, rows, columns)."""
    return np.stack([_cut(volume, index, axis)[::2, ::2] for index in indices])


def _cut(volume: Volume, index: int, axis: int) -> np.ndarray:
    """Slice `index` in physical values; only this slice is ever converted, the volume may be large."""
    cut = np.take(volume.array, index, axis=axis).astype(np.float64)
    return cut * volume.slope + volume.intercept if volume.is_scaled else cut


def image_column(title: str, volume: Volume, span: tuple[float, float], axis: int, badge: str | None = None) -> Panel:
    """A column of physical values, shown through a window (see `window`)."""
    return Panel(title, lambda index: _cut(volume, index, axis), span, badge=badge)


def difference_column(title: str, volume: Volume, source: Volume, span: tuple[float, float], axis: int, slices: Sequence[int],
                      badge: str | None = None) -> Panel:
    """A column of volume - source, on a scale of the largest differences in these slices, but at least 1 % of the source's window."""

    def cut(index: int) -> np.ndarray:
        with np.errstate(invalid="ignore"):      # infinity - infinity
            return _cut(volume, index, axis) - _cut(source, index, axis)

    size = np.concatenate([np.abs(cut(index)).ravel() for index in slices])
    reach = float(np.percentile(np.nan_to_num(size, posinf=0.0), 99.9))
    # Never less than 1 % of the window: rounding must not look like an error.
    reach = _round_up(max(reach, 0.01 * (span[1] - span[0])) or 1.0)
    return Panel(title, cut, (-reach, reach), "difference", badge)


def described(volume: Volume) -> str:
    """Name and unit, for a title."""
    return f"{volume.name} [{volume.unit}]" if volume.unit else volume.name


def _two_digits(value: float) -> float:
    return float(f"{value:.2g}")


def _round_up(value: float) -> float:
    """The next of 1, 2, 5, 10, 20, ..."""
    power = 10.0 ** np.floor(np.log10(value))
    return float(next((step * power for step in (1, 2, 5) if step * power >= value * (1 - 1e-9)), 10 * power))
