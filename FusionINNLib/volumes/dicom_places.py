"""Where frames lie: the places that frames of one volume must agree on, in LPS and mm, and by what words a frame is told."""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from FusionINNLib.errors import GeometryError
from FusionINNLib.volumes.dicom_frames import Frame
from FusionINNLib.volumes.volume import SHEAR_TOLERANCE

PARALLEL = 1e-3
SAME_EDGE = 1e-3
SAME_PLACE_MM = 1e-2
_ROUNDING = 0.05
"""Largest lean of a whole stack, as a fraction of a pixel's edge, that is put down to positions with few digits."""


@dataclass(frozen=True)
class Place:
    """Where a frame lies whose file says it all; see `Frame`."""

    position: tuple[float, ...]
    orientation: tuple[float, ...]
    spacing: tuple[float, float]


def _whole_place(frame: Frame, name: str) -> Place:
    if frame.position is not None and frame.orientation is not None and frame.spacing is not None:
        return Place(frame.position, frame.orientation, frame.spacing)
    what = "position" if frame.position is None else "orientation" if frame.orientation is None else "pixel spacing"
    raise GeometryError(f"{name}: {where(frame)} has no {what}, so nothing says where it lies in the patient; export the series again "
                        "from its source.")


def alike_places(frames: list[Frame], name: str) -> list[Place]:
    """Where each frame lies. Raises GeometryError where one does not say it, or lies otherwise than the first."""
    first = frames[0]
    places: list[Place] = []
    for frame in frames:
        place = _whole_place(frame, name)
        places.append(place)
        if frame.size != first.size:
            raise GeometryError(f"{name}: the slices have different sizes ({size_of(first)} and {size_of(frame)} pixels, {where(frame)}); "
                                "export the series you want alone.")
        if np.abs(np.subtract(place.orientation, places[0].orientation)).max() > PARALLEL:
            raise GeometryError(f"{name}: the slices are turned against each other ({where(first)} and {where(frame)} have different "
                                "orientations), as in a localizer; export the slices of one plane alone.")
        if not np.allclose(place.spacing, places[0].spacing, rtol=SAME_EDGE, atol=0):
            raise GeometryError(f"{name}: the pixel spacing differs from slice to slice ({edges_of(first)} mm and {edges_of(frame)} mm, "
                                f"{where(frame)}); export the series again, or resample it onto one grid.")
    if min(places[0].spacing) <= 0:
        raise GeometryError(f"{name}: the pixel spacing of {where(first)} is not above zero; export the series again from its source.")
    return places


def directions(frame: Frame, place: Place, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors (3,) along a row and along a column. Raises GeometryError where they do not stand at right angles."""
    row, column = np.array(place.orientation[:3]), np.array(place.orientation[3:])
    lengths = np.linalg.norm(row), np.linalg.norm(column)
    if min(lengths) < 0.9 or max(lengths) > 1.1 or abs(row @ column) > SHEAR_TOLERANCE:
        raise GeometryError(f"{name}: the orientation of {where(frame)} is not that of two directions at right angles; export the series "
                            "again from its source.")
    return row / lengths[0], column / lengths[1]


def upright_step(step: np.ndarray, normal: np.ndarray, steps: int, edge: float, name: str) -> np.ndarray:
    """A step (3,) mm from slice to slice that stands upright on them, or nearly.

    steps: how many of them the stack has. edge: the shorter one of a pixel; a lean of less than a part of it comes of rounding.
    Raises GeometryError where it leans more.
    """
    upright = normal * (step @ normal)
    aside = np.linalg.norm(step - upright)
    if aside <= SHEAR_TOLERANCE * np.linalg.norm(step):
        return step
    if aside * steps <= _ROUNDING * edge:
        return upright
    degrees = np.degrees(np.arcsin(min(1.0, float(aside / np.linalg.norm(step)))))
    raise GeometryError(f"{name}: the stack is tilted (sheared) by {degrees:.2g} degrees, as with a tilted gantry; resample it onto a grid "
                        "with right angles first.")


def where(frame: Frame) -> str:
    """A frame by its file, without folder."""
    return frame.file.name if frame.number == 0 else f"frame {frame.number + 1} of {frame.file.name}"


def size_of(frame: Frame) -> str:
    """Columns and rows of a frame in words."""
    return f"{frame.size[1]} x {frame.size[0]}"


def edges_of(frame: Frame) -> str:
    """Edges of a frame's pixels along a row and along a column, in words."""
    return "not said" if frame.spacing is None else " x ".join(f"{edge:.4g}" for edge in frame.spacing[::-1])
