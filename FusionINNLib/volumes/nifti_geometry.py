"""Where a NIfTI header puts its voxels: sform, qform or neither, as its specification orders them, and what contradicts itself there."""
from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from FusionINNLib.errors import GeometryError
from FusionINNLib.volumes.volume import note_unusual_edges

if TYPE_CHECKING:
    from nibabel.nifti1 import Nifti1Header

_MM_PER_UNIT = {"meter": 1000.0, "micron": 0.001}
_APART = 0.1
"""Distance of the two transforms from which they contradict each other, as a fraction of the smallest voxel edge."""
_SAME_EDGE = 0.02
"""Relative difference of two voxel edges that still are the same."""


def affine_mm(header: Nifti1Header, shape: tuple[int, ...], name: str, notes: list[str]) -> np.ndarray:
    """IJK-to-RAS in mm; what had to be assumed or contradicts itself is added to `notes`. shape: (i, j, k).

    Raises GeometryError where the transform that counts is none, or rests on voxel edges that the header doesn't give.
    """
    by_sform, by_qform = int(header["sform_code"]) > 0, int(header["qform_code"]) > 0
    if not by_sform:
        _check_edges(header, shape, name, notes)
    try:
        affine = np.array(header.get_best_affine(), dtype=np.float64)
        other = np.array(header.get_qform(), dtype=np.float64) if by_sform and by_qform else None
    except (ValueError, ArithmeticError) as error:
        raise GeometryError(f"{name}: the orientation in the header is not valid ({error}); convert the volume again.") from error
    if not by_sform and not by_qform:
        notes.append("the header doesn't say where the volume lies: taken as centred, left to right reversed, as other readers do")
    if by_sform:
        _compare_edges(header, affine, notes)
    if other is not None and np.isfinite(affine).all() and np.isfinite(other).all():
        _compare(affine, other, shape, notes)
    return _to_mm(header, affine, notes)


def _check_edges(header: Nifti1Header, shape: tuple[int, ...], name: str, notes: list[str]) -> None:
    """qform and the header without a form take their edges from pixdim, which must give them."""
    for axis, size in enumerate(shape):
        edge = float(header["pixdim"][axis + 1])
        if np.isfinite(edge) and edge > 0:
            continue
        if size > 1:
            raise GeometryError(f"{name}: the header gives a voxel spacing (pixdim) of {edge:g} along axis {'ijk'[axis]}; convert the "
                                "volume again from its source.")
        header["pixdim"][axis + 1] = 1.0
        notes.append("the header doesn't say how thick the slice is: taken as 1 mm")


def _compare_edges(header: Nifti1Header, affine: np.ndarray, notes: list[str]) -> None:
    edges, said = np.linalg.norm(affine[:3, :3], axis=0), np.abs(header["pixdim"][1:4].astype(np.float64))
    given = np.isfinite(said) & (said > 0) & np.isfinite(edges)
    if (np.abs(edges - said)[given] > _SAME_EDGE * edges[given]).any():
        notes.append(f"sform and pixdim contradict each other (voxels of {_edges(edges)} and of {_edges(said)}): the sform was taken")


def _compare(affine: np.ndarray, other: np.ndarray, shape: tuple[int, ...], notes: list[str]) -> None:
    corners = np.array([[i, j, k, 1] for i in (0, shape[0] - 1) for j in (0, shape[1] - 1) for k in (0, shape[2] - 1)]).T
    apart = float(np.linalg.norm(((affine - other) @ corners)[:3], axis=0).max())
    if apart <= _APART * np.linalg.norm(affine[:3, :3], axis=0).min():
        return
    mirrored = np.linalg.det(affine[:3, :3]) * np.linalg.det(other[:3, :3]) < 0
    how = "one is mirrored against the other" if mirrored else f"up to {apart:.3g} mm apart"
    notes.append(f"sform and qform contradict each other in position or orientation ({how}): the sform was taken")


def _to_mm(header: Nifti1Header, affine: np.ndarray, notes: list[str]) -> np.ndarray:
    try:
        unit = str(header.get_xyzt_units()[0])
    except KeyError:
        unit = "unknown"
    if unit in _MM_PER_UNIT:
        affine[:3] *= _MM_PER_UNIT[unit]
        notes.append(f"lengths converted from {unit} to mm")
    says = f"gives lengths in {unit}" if unit == "mm" or unit in _MM_PER_UNIT else "names no unit of length: taken as mm"
    note_unusual_edges(affine, f"the header {says}", notes)
    return affine


def _edges(edges: np.ndarray) -> str:
    return " x ".join(f"{edge:.3g}" for edge in edges)
