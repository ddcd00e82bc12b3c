"""What changed between two time points of one contrast: the later exact source minus the earlier one. Arrays are (k, j, i).

No slicer: it may run in a worker.
"""
from dataclasses import dataclass

import numpy as np

from FusionINNLib.errors import GeometryError
from FusionINNLib.preprocessing.slicing import from_stack, to_stack
from FusionINNLib.volumes.foreground import head_mask
from FusionINNLib.volumes.volume import Volume

_QUARTILES = (25.0, 50.0, 75.0)
_SMOOTHING_MM = 2.0
_ROUNDS = 4
_ODD = 4.0  # times the median deviation


@dataclass(frozen=True)
class Change:
    """volume: later minus earlier (float32), in the unit and on the scale of the later one, 0 outside of what both heads cover.

    half_width: of the window around 0 to show it in. matched: (gain, offset) that brought the earlier one to the scale of the later one;
    None where both have one unit, so that their values can be compared as they are.
    """

    volume: Volume
    half_width: float
    matched: tuple[float, float] | None


def change(earlier: Volume, later: Volume) -> Change:
    """Both on one grid and registered. Raises GeometryError for unlike grids.

    MR images other than maps have no unit: two scanners, even two examinations, give the same tissue other numbers. The earlier one is then
    scaled so that the quartiles of the tissue that both heads show, but for what changed, are those of the later one.
    """
    if earlier.shape != later.shape:
        raise GeometryError("The two time points lie on different grids: use what one fusion and its exact decomposition gave.")
    before, after = (np.nan_to_num(volume.values.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0) for volume in (earlier, later))
    heads = head_mask(before), head_mask(after)
    tissue = heads[0] & heads[1]
    matched = None
    if tissue.any() and not (earlier.unit and earlier.unit == later.unit):
        matched = _matching(*(_smoothed(values, tissue, later)[tissue] for values in (before, after)))
        before = before * np.float32(matched[0]) + np.float32(matched[1])
    inside = _filled(heads[0], later) & _filled(heads[1], later)
    values = np.where(inside, after - before, np.float32(0))
    size = np.abs(values[inside]) if inside.any() else np.ones(1, np.float32)
    least = 0.01 * float(np.ptp(after[inside])) if inside.any() else 0.0  # rounding must not look like a change
    half_width = float(f"{max(float(np.percentile(size, 99.5)), least) or 1.0:.2g}")
    return Change(Volume(values, later.affine, "change", later.unit), half_width, matched)


def _smoothed(values: np.ndarray, tissue: np.ndarray, grid: Volume) -> np.ndarray:
    """Without noise and what interpolation takes from it, which would make one of two like images flatter; tissue alone is averaged."""
    from scipy import ndimage

    sigmas = [_SMOOTHING_MM / edge for edge in grid.spacing_ijk_mm[::-1]]
    weight = np.asarray(ndimage.gaussian_filter(tissue.astype(np.float32), sigmas))
    return np.asarray(ndimage.gaussian_filter(np.where(tissue, values, np.float32(0)), sigmas)) / np.maximum(weight, 1e-3)


def _matching(before: np.ndarray, after: np.ndarray) -> tuple[float, float]:
    """(gain, offset) by quartiles; of an image without any contrast the offset alone."""
    kept = np.ones(before.shape, bool)
    gain, offset = 1.0, 0.0
    for _ in range(_ROUNDS):  # what does not follow the rest is what changed, and has no part in the next round
        low, middle, high = np.percentile(before[kept], _QUARTILES)
        wanted_low, wanted_middle, wanted_high = np.percentile(after[kept], _QUARTILES)
        gain = float((wanted_high - wanted_low) / (high - low)) if high > low and wanted_high > wanted_low else 1.0
        offset = float(wanted_middle - gain * middle)
        rest = np.abs(after - (gain * before + offset))
        kept = rest <= _ODD * max(float(np.median(rest)), 1e-6 * float(wanted_high - wanted_low))
    return gain, offset


def _filled(head: np.ndarray, grid: Volume) -> np.ndarray:
    """A head with the dark places inside of it, ventricles and cavities, slice by slice."""
    from scipy import ndimage

    axis = grid.through_plane_axis
    return from_stack(np.stack([np.asarray(ndimage.binary_fill_holes(part), bool) for part in to_stack(head, axis)]), axis)
