"""The grid of a DICOM segmentation, which needs no frame for slices without an outline: how far apart its slices are, and where.

Nothing has to say it: there the series that was outlined tells it, or else the positions of the frames and how thick they are.
Positions are LPS in mm, as in DICOM.
"""
from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from FusionINNLib.errors import GeometryError
from FusionINNLib.volumes.dicom_frames import Frame
from FusionINNLib.volumes.dicom_places import SAME_PLACE_MM, alike_places, directions, upright_step, where
from FusionINNLib.volumes.dicom_stacks import UNEVEN_TOLERANCE
from FusionINNLib.volumes.itk import LPS_TO_RAS
from FusionINNLib.volumes.volume import LIKELY_EDGES_MM

_MOST_PARTS = 10
"""Into so many slices the smallest distance of two frames is divided to find one that all distances are multiples of."""
_SURE = 0.02
"""As `UNEVEN_TOLERANCE`, for such a part, that many distances fit by chance."""
_THINNEST = 0.4
"""Least distance of slices as a share of their thickness; scanners let slices overlap by half."""
_GAP = 1.5
"""From so many thicknesses on, a distance of frames is told where it is taken for that of the slices."""
_THICKEST_MM = 10.0
"""Frames that lie further apart are not taken for slices that touch, where nothing says how thick they are."""
_AT_A_VOXEL = 0.05
"""How far from the centre of a voxel a pixel may lie, in voxels, to count as that voxel."""
_PARALLEL = 5e-3


@dataclass(frozen=True)
class Grid:
    """A grid the frames may lie on. affine: of voxels (i, j, k) to RAS in mm. shape: (k, j, i)."""

    affine: np.ndarray
    shape: tuple[int, int, int]


@dataclass(frozen=True)
class Sparse:
    """Where frames lie. slices: the number of its slice for each frame; count: of slices from the first frame to the last; affine: of
    (i, j, k) to RAS in mm; notes: sentences for the user."""

    slices: list[int]
    count: int
    affine: np.ndarray
    notes: list[str]


def sparse_grid(frames: list[Frame], name: str, known: Callable[[], Iterable[Grid]]) -> Sparse:
    """The grid of frames, of which several may lie on one slice. known: grids of images that may have been outlined, asked where needed.

    Raises GeometryError where frames lie askew, or so that no distance of slices fits them.
    """
    places = alike_places(frames, name)
    row, column = directions(frames[0], places[0], name)
    normal, spacing = np.cross(row, column), places[0].spacing
    positions = np.array([place.position for place in places])
    along = positions @ normal
    order = np.argsort(along, kind="stable")
    new = np.concatenate([[True], np.diff(along[order]) > SAME_PLACE_MM])
    which = np.empty(len(frames), int)
    which[order] = np.cumsum(new) - 1
    levels = np.array([along[which == n].mean() for n in range(which.max() + 1)])
    plane = np.stack([row * spacing[1], column * spacing[0]], axis=1)
    distance, notes = _distance(levels, frames, lambda: _step_on(known(), plane, positions), name)
    numbers = np.zeros(1, int) if len(levels) == 1 else _numbered(levels, distance)
    assert numbers is not None  # `_distance` gives none that does not fit
    slices = numbers[which]
    origin, step = _line(positions, slices, normal * distance)
    off = np.linalg.norm(positions - origin - slices[:, None] * step, axis=1)
    if off.max() > UNEVEN_TOLERANCE * min(distance, *spacing):
        raise GeometryError(f"{name}: the frames are shifted within their planes ({where(frames[int(off.argmax())])} is {off.max():.2g} mm "
                            "out of place); save the segmentation as NIfTI or .seg.nrrd.")
    step = upright_step(step, normal, int(numbers[-1]), min(spacing), name)
    lps = np.eye(4)
    lps[:3, :2], lps[:3, 2], lps[:3, 3] = plane, step, origin
    return Sparse(slices.tolist(), int(numbers[-1]) + 1, LPS_TO_RAS @ lps, notes)


def _distance(levels: np.ndarray, frames: list[Frame], step_of_image: Callable[[], float | None], name: str) -> tuple[float, list[str]]:
    """mm from slice to slice for rising places (N,) of frames along the normal, and what is to be told of it."""
    said, thick = _usual([frame.apart for frame in frames]), _usual([frame.thick for frame in frames])
    if said is not None and _numbered(levels, said) is not None:
        return said, []
    if (step := step_of_image()) is not None and _numbered(levels, step) is not None:
        return step, []
    notes = [] if said is None else [f"the header says slices of {said:.4g} mm, which the places of the frames do not fit: their places "
                                     "were taken"]
    if len(levels) == 1:
        if thick is None:
            raise GeometryError(f"{name}: this is an outline on one slice that doesn't say how thick it is; put the outlined series into "
                                "the same folder, or save the segmentation as NIfTI or .seg.nrrd.")
        return thick, notes
    common = _common(levels, thick)
    if common is None or (thick is None and common > _THICKEST_MM):
        raise GeometryError(f"{name}: the frames lie at distances of {', '.join(f'{gap:.4g}' for gap in np.diff(levels)[:4])} mm and "
                            "nothing says how far apart the slices are; put the outlined series into the same folder, or save the "
                            "segmentation as NIfTI or .seg.nrrd.")
    if thick is None:
        return common, [*notes, f"nothing says how thick the slices are: they were taken as {common:.4g} mm, as the frames lie"]
    parts = max(1, int(common / thick + 0.02))
    if parts > 1:
        notes.append(f"the frames lie {common:.4g} mm apart, or multiples of that, and are {thick:.4g} mm thick: what lies between them "
                     "counts as not outlined; put the outlined series into the same folder to be sure")
    elif common > _GAP * thick:
        notes.append(f"the frames lie {common:.4g} mm apart and are {thick:.4g} mm thick: they were taken as slices of {common:.4g} mm; "
                     "put the outlined series into the same folder to be sure")
    elif common < thick * (1 - UNEVEN_TOLERANCE) and len(set(np.rint(np.diff(levels) / common))) > 1:
        notes.append(f"the frames are {thick:.4g} mm thick and lie multiples of {common:.4g} mm apart: they were taken as slices of "
                     f"{common:.4g} mm; put the outlined series into the same folder to be sure")
    return common / parts, notes


def _usual(said: list[float | None]) -> float | None:
    """The middle of what frames say; None where none says it, or nothing that an image could have."""
    numbers = [one for one in said if one is not None and LIKELY_EDGES_MM[0] <= one <= LIKELY_EDGES_MM[1]]
    return float(np.median(numbers)) if numbers else None


def _common(levels: np.ndarray, thick: float | None) -> float | None:
    """The largest distance that all gaps are multiples of; None where there is none that slices could have."""
    smallest = float(np.diff(levels).min())
    for parts in range(1, _MOST_PARTS + 1):
        step = smallest / parts
        if step < (LIKELY_EDGES_MM[0] if thick is None else min(_THINNEST * thick, smallest)):
            return None
        if (numbers := _numbered(levels, step, UNEVEN_TOLERANCE if parts == 1 else _SURE)) is not None:
            return float((levels[-1] - levels[0]) / numbers[-1])
    return None


def _numbered(levels: np.ndarray, step: float, tolerance: float = UNEVEN_TOLERANCE) -> np.ndarray | None:
    """Numbers of the slices at rising places (N,) in mm, from 0, where slices are about `step` mm apart; None where they do not fit.

    tolerance: how far off a place may be, as a fraction of the step. From gap to gap, the narrow ones first, the step becomes surer:
    positions have few digits, and a gap may be of a hundred slices.
    """
    gaps = np.diff(levels)
    counts = np.zeros(len(gaps), int)
    length, total, sure = 0.0, 0, step
    for n in np.argsort(gaps):
        counts[n] = round(float(gaps[n] / sure))
        length, total = length + float(gaps[n]), total + counts[n]
        if counts[n] == 0 or abs(length / total - step) > tolerance * step:
            return None
        sure = length / total
    numbers = np.concatenate([[0], np.cumsum(counts)])
    fitted = levels[0] + numbers * sure
    return numbers if np.abs(levels - fitted).max() <= tolerance * sure else None


def _line(positions: np.ndarray, slices: np.ndarray, step: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Position of slice 0 and the step to the next one, (3,) each, by least squares; `step` where all lie on one slice."""
    if slices.max() == 0:
        return positions.mean(axis=0), step
    centred = slices - slices.mean()
    fitted = centred @ positions / (centred @ centred)
    return positions.mean(axis=0) - slices.mean() * fitted, fitted


def _step_on(grids: Iterable[Grid], plane: np.ndarray, positions: np.ndarray) -> float | None:
    """mm between slices of the grids whose voxels are the pixels of the frames; None where none fits, or they do not agree."""
    steps: list[float] = []
    for grid in grids:
        inverse = np.linalg.inv(grid.affine)
        axes = inverse[:3, :3] @ LPS_TO_RAS[:3, :3] @ plane  # (3, 2): a pixel further along a row and a column, in voxels
        lie = np.rint(axes)
        if np.abs(axes - lie).max() > _PARALLEL or (np.abs(lie).sum(axis=0) != 1).any() or np.abs(lie).sum(axis=1).max() > 1:
            continue
        across = int(np.flatnonzero(np.abs(lie).sum(axis=1) == 0)[0])
        voxels = (positions @ LPS_TO_RAS[:3, :3].T) @ inverse[:3, :3].T + inverse[:3, 3]
        inside = (voxels > -0.5) & (voxels < np.array(grid.shape[::-1]) - 0.5)
        if np.abs(voxels - np.rint(voxels)).max() <= _AT_A_VOXEL and inside.all():
            steps.append(float(np.linalg.norm(grid.affine[:3, across])))
    return steps[0] if steps and np.ptp(steps) <= UNEVEN_TOLERANCE * steps[0] else None
