"""Segments: labels on a grid with the identity of each, and segments as they were drawn, on grids of their own. No slicer."""
from dataclasses import dataclass, replace
from typing import overload

import numpy as np

from FusionINNLib.volumes.volume import SegmentName, Volume

DEFAULT_COLOR = (1.0, 0.0, 0.0)
"""Of outlines whose segment has no colour."""
SAMPLE_COLORS = {1: (0.9, 0.1, 0.1), 2: (1.0, 0.7, 0.2), 4: (0.9, 0.3, 0.8)}
"""Of the segments of the sample case, by their labels."""


@dataclass(frozen=True)
class Segment:
    """Identity of one segment. color: (r, g, b) 0..1; label: its number in `Segments.labels`."""

    id: str
    name: str
    color: tuple[float, float, float]
    label: int


@dataclass(frozen=True)
class Segments:
    """labels: (k, j, i) integers on a grid, 0 outside of all segments."""

    labels: Volume
    segments: tuple[Segment, ...]

    @property
    def named(self) -> Volume:
        """The labels with what is known of each, as a file's are."""
        return replace(self.labels, segments={one.label: SegmentName(one.name, one.color) for one in self.segments})


@dataclass(frozen=True)
class Drawn:
    """Segments before they are brought onto a grid, which takes long.

    parts: volumes of labels, each on its own grid; where they overlap, the later one counts.
    transform: 4x4 RAS mm, reference to moving, for segments drawn on a volume that was moved; None where headers count.
    """

    name: str
    parts: tuple[Volume, ...]
    segments: tuple[Segment, ...]
    transform: np.ndarray | None = None


@overload
def on_grid(segments: Segments | Drawn, grid: Volume) -> Segments: ...
@overload
def on_grid(segments: None, grid: Volume) -> None: ...
@overload
def on_grid(segments: Segments | Drawn | None, grid: Volume) -> Segments | None: ...
def on_grid(segments: Segments | Drawn | None, grid: Volume) -> Segments | None:
    """Segments on a grid, by nearest neighbour in RAS, with notes on what happened; what has its grid already stays as it is."""
    if not isinstance(segments, Drawn):
        return segments
    from FusionINNLib.registration.resampling import resample_labels

    highest = max((one.label for one in segments.segments), default=1)
    labels = np.zeros(grid.shape, np.result_type(np.min_scalar_type(highest), *(part.array.dtype for part in segments.parts)))
    notes: dict[str, None] = {}
    for part in segments.parts:
        moved = resample_labels(part, grid, segments.transform)
        np.copyto(labels, moved.array, where=moved.array != 0)
        notes |= dict.fromkeys(moved.notes if moved.array.any() else ())
    if not labels.any():
        wasDrawn = any(part.array.any() for part in segments.parts)
        notes["none of the segmentation lies within the reference" if wasDrawn else "the segmentation is empty"] = None
    return Segments(Volume(labels, grid.affine, segments.name, notes=tuple(notes)), segments.segments)
