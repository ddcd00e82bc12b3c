"""A volume: voxels, where they lie in the patient, and the geometry that everything else asks about.

Voxel arrays are ordered (k, j, i): slices first, the fastest axis last. The affine takes (i, j, k, 1) to (R, A, S, 1) in mm.
Reading and writing is in `volumes/io.py`.
"""
from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypedDict

import numpy as np

from FusionINNLib.errors import GeometryError, InputError

SHEAR_TOLERANCE = 1e-3
"""Largest cosine between two voxel axes that still counts as a right angle (0.06 degrees)."""

LARGEST = 1e30
"""Physical values beyond this would leave float32, in which networks compute, on the way."""

CLEARLY_THICKER = 1.2
"""An axis is the through-plane axis when its spacing is more than this many times that of both others."""

LIKELY_EDGES_MM = (0.05, 30.0)
"""Edges of voxels outside of this speak against the unit of length that the header names, or doesn't."""


@dataclass(frozen=True)
class SegmentName:
    """What a segment is called, and its colour (r, g, b) 0..1 where its file gives one."""

    name: str
    color: tuple[float, float, float] | None = None


class Identity(TypedDict, total=False):
    """What may tell patients and dates apart, and which files a volume was read from; each only where it is known.

    file, folders: names, of the file and from the innermost folder outwards. files: paths of DICOM. The others are DICOM tags.
    """

    file: str
    folders: tuple[str, ...]
    files: tuple[Path, ...]
    patient_id: str
    patient_name: str
    study_date: str
    study_uid: str
    modality: str


@dataclass(frozen=True, eq=False)
class Volume:
    """One scalar volume on a grid with right angles.

    array      (k, j, i), voxels as they are stored, in their own type
    affine     4x4 float64, acts on (i, j, k, 1), gives RAS in mm; left-handed grids are allowed
    name       file name without folder and extension
    unit       unit of the physical values, "" when the file doesn't say
    slope, intercept   physical value = stored value * slope + intercept
    identity   what may tell patients and dates apart (tags, folder names). In memory only: never written to any file
    notes      sentences the user should be told; they hold neither folder nor patient
    segments   of a volume of labels: what is known of each label

    Raises GeometryError for a singular, sheared or non-finite affine, InputError for an array without three axes.
    """

    array: np.ndarray = field(repr=False)
    affine: np.ndarray
    name: str
    unit: str = ""
    slope: float = 1.0
    intercept: float = 0.0
    identity: Identity = field(default_factory=Identity, repr=False)
    notes: tuple[str, ...] = ()
    segments: dict[int, SegmentName] = field(default_factory=dict[int, SegmentName], repr=False)

    def __post_init__(self) -> None:
        if self.array.ndim != 3:
            raise InputError(f"{self.name}: the array has {self.array.ndim} axes; give one three-dimensional volume.")
        affine = np.array(self.affine, dtype=np.float64)
        check_affine(affine, self.name)
        affine.setflags(write=False)
        object.__setattr__(self, "affine", affine)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of voxels along (k, j, i)."""
        return self.array.shape

    @property
    def values(self) -> np.ndarray:
        """Physical values (k, j, i), in `unit`; computed at each call, and possibly the very memory of `array`: don't write into it.

        float32 where that is exact: float16 and float32, bool and integers up to 16 bits, all without slope and intercept.
        float64 for everything else (exact for integers up to 53 bits). NaN and infinities stay.
        """
        kind, size = self.array.dtype.kind, self.array.dtype.itemsize
        narrow = kind == "b" or (kind in "iu" and size <= 2) or (kind == "f" and size <= 4)
        if not self.is_scaled:
            return self.array.astype(np.float32 if narrow else np.float64, copy=False)
        return self.array.astype(np.float64) * self.slope + self.intercept

    @property
    def is_scaled(self) -> bool:
        """Whether physical values differ from stored ones."""
        return (self.slope, self.intercept) != (1.0, 0.0)

    @property
    def spacing_ijk_mm(self) -> tuple[float, float, float]:
        """Voxel edges along (i, j, k) in mm. Note the order: it is that of the affine's columns, not that of `array`."""
        i, j, k = (float(edge) for edge in np.linalg.norm(self.affine[:3, :3], axis=0))
        return i, j, k

    @property
    def through_plane_axis(self) -> int:
        """Axis of `array` (0 is k, 1 is j, 2 is i) across the slices.

        Of a single slice the one along which there is nothing else; otherwise the one with clearly the largest spacing; when there is none,
        the one that runs nearest to superior-inferior.
        """
        if 1 in self.shape:
            return self.shape.index(1)
        spacing = np.array(self.spacing_ijk_mm)[::-1]
        widest = int(np.argmax(spacing))
        if spacing[widest] > CLEARLY_THICKER * np.max(np.delete(spacing, widest)):
            return widest
        superior = np.abs(self.affine[2, :3][::-1]) / spacing
        return int(np.argmax(np.round(superior, 6)))  # rounded, so that a tie (45 degrees) goes to k whatever the last digit

    @property
    def corners_ras_mm(self) -> np.ndarray:
        """(8, 3) centres of the corner voxels in RAS."""
        k, j, i = (np.array(axis) for axis in np.meshgrid(*[(0, size - 1) for size in self.shape], indexing="ij"))
        return transform_points(self.affine, np.stack([i.ravel(), j.ravel(), k.ravel()], axis=1))

    def same_grid(self, other: Volume, tolerance: float = 0.05) -> bool:
        """Whether both have the same shape and every voxel lies in the same place.

        tolerance: the largest distance between the same corner of both, as a fraction of the smallest voxel edge (no unit).
        """
        if self.shape != other.shape:
            return False
        apart = np.linalg.norm(self.corners_ras_mm - other.corners_ras_mm, axis=1).max()
        return bool(apart <= tolerance * min(*self.spacing_ijk_mm, *other.spacing_ijk_mm))


def transform_points(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Apply a 4x4 matrix to (N, 3) points."""
    # Written out instead of a matrix product: for three columns BLAS is no faster, and its threads wait for busy cores.
    return points[:, 0:1] * matrix[:3, 0] + points[:, 1:2] * matrix[:3, 1] + points[:, 2:3] * matrix[:3, 2] + matrix[:3, 3]


def check_affine(affine: np.ndarray, name: str) -> None:
    """Raise GeometryError unless the affine is 4x4, finite, invertible and free of shear."""
    if affine.shape != (4, 4) or not np.isfinite(affine).all() or not np.allclose(affine[3], (0, 0, 0, 1)):
        raise GeometryError(f"{name}: the affine is not a finite 4x4 matrix; convert the volume again from its source.")
    lengths = np.linalg.norm(affine[:3, :3], axis=0)
    if lengths.min() <= 1e-6:
        raise GeometryError(f"{name}: the affine is singular (a voxel edge of zero length); convert the volume again from its source.")
    directions = affine[:3, :3] / lengths
    shear = np.abs(directions.T @ directions - np.eye(3)).max()
    if abs(np.linalg.det(directions)) < 1e-3:
        raise GeometryError(f"{name}: the affine is singular (its axes lie in one plane); convert the volume again from its source.")
    if shear > SHEAR_TOLERANCE:
        degrees = np.degrees(np.arcsin(min(shear, 1.0)))
        raise GeometryError(f"{name}: the grid is sheared by {degrees:.2g} degrees; resample it onto a grid with right angles first.")


def note_unusual_edges(affine: np.ndarray, said: str, notes: list[str]) -> None:
    """Add a sentence to `notes` where voxels have edges that a scan of a patient hardly has. said: what the header says of its unit."""
    edges = np.linalg.norm(affine[:3, :3], axis=0)
    if edges.min() < LIKELY_EDGES_MM[0] or edges.max() > LIKELY_EDGES_MM[1]:
        notes.append(f"{said}, which makes unusual voxels of {' x '.join(f'{edge:.3g}' for edge in edges)} mm")


def check_shape(shape: tuple[int, ...], name: str) -> None:
    """Raise InputError for an empty volume, for one that is a line or a point, and for what has fewer than three axes."""
    if len(shape) == 0 or min(shape) <= 0:
        raise InputError(f"{name}: the volume is empty; export it again from its source.")
    if len(shape) == 2 and min(shape) > 1:
        raise InputError(f"{name}: the file holds a plane of two axes, which doesn't say where it lies; save it as a volume of one slice.")
    if len(shape) < 3 or sorted(shape)[1] == 1:
        raise InputError(f"{name}: the volume is no more than a line of voxels; give a slice or a volume.")


def check_voxels(volume: Volume) -> Volume:
    """The volume, with a note on NaN and infinite voxels if there are some.

    Raises InputError when no voxel is finite, when all finite ones are equal, or when some are beyond `LARGEST`.
    """
    array, notes = volume.array, volume.notes
    if array.dtype.kind == "f":
        finite = np.isfinite(array)
        missing = array.size - int(np.count_nonzero(finite))
        if missing == array.size:
            raise InputError(f"{volume.name}: all voxels are NaN or infinite; export the volume again from its source.")
        if missing:
            notes += (f"{missing} NaN or infinite voxel{'s' if missing > 1 else ''} treated as background",)
            array = array[finite]
    if array.min() == array.max() or volume.slope == 0:
        raise InputError(f"{volume.name}: all voxels have the same value; give a volume with an image in it.")
    largest = max(abs(float(array.min())), abs(float(array.max()))) * abs(volume.slope) + abs(volume.intercept)
    if largest > LARGEST:
        raise InputError(f"{volume.name}: the values reach {largest:.1g}, beyond what can be computed with; "
                         "divide them by a constant first.")
    return volume if notes == volume.notes else replace(volume, notes=notes)
