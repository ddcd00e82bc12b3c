"""A decomposed volume minus its source, for the comparison. No slicer: it may run in a worker. Arrays are (k, j, i)."""
from dataclasses import dataclass

import numpy as np

from FusionINNLib.registration.resampling import onto_grid, resample
from FusionINNLib.volumes.volume import Volume


@dataclass(frozen=True)
class Compared:
    """The source that a decomposed volume is compared with.

    source: as it was loaded. transform: 4x4 RAS mm, reference to moving, where it was moved for the fusion; None where its header counts.
    """

    source: Volume
    transform: np.ndarray | None = None


@dataclass(frozen=True)
class Difference:
    """volume: decomposed minus source (float32) on the decomposed grid, in its unit. half_width: of the window around 0 to show it in."""

    volume: Volume
    half_width: float


def difference(decomposed: Volume, compared: Compared) -> Difference:
    """A source on another grid is moved and interpolated as it was for the fusion."""
    from FusionINNLib.reports.columns import difference_column, window  # draws: not for whoever only reads a `Difference`

    source = source_on_grid(compared, decomposed)
    values = decomposed.values.astype(np.float32) - source.values.astype(np.float32)
    axis = decomposed.through_plane_axis
    slices = range(0, decomposed.shape[axis], max(1, decomposed.shape[axis] // 16))
    low, high = difference_column("", decomposed, source, window(source, axis), axis, slices).window
    return Difference(Volume(values, decomposed.affine, "difference", decomposed.unit), high)


def source_on_grid(compared: Compared, grid: Volume) -> Volume:
    """The source as it is, with its axes turned, or moved and interpolated as it was for the fusion."""
    source, transform = compared.source, compared.transform
    if transform is None:
        turned = onto_grid(source, grid)
        if turned is not None:
            return turned
    return resample(source, grid, np.eye(4) if transform is None else transform)
