"""Voxels turned so that their axes run right, anterior and superior as nearly as a grid allows, and back: no value changes."""
# pyright: reportUnknownMemberType=false
from typing import TypeVar, cast

import nibabel.orientations as orientations
import numpy as np
import numpy.typing as npt

Voxels = TypeVar("Voxels", bound=np.generic)


def to_ras(array: npt.NDArray[Voxels], affine: npt.NDArray[np.float64]) -> npt.NDArray[Voxels]:
    """An array (k, j, i) of the grid of `affine` with its axes flipped and swapped: k superior, j anterior, i right."""
    return _turned(array, _axes_of(affine))


def from_ras(array: npt.NDArray[Voxels], affine: npt.NDArray[np.float64]) -> npt.NDArray[Voxels]:
    """What `to_ras` gave, or something of that shape, on the grid of `affine` again."""
    ras = cast("npt.NDArray[np.float64]", orientations.axcodes2ornt("RAS"))
    return _turned(array, cast("npt.NDArray[np.float64]", orientations.ornt_transform(ras, _axes_of(affine))))


def _axes_of(affine: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return cast("npt.NDArray[np.float64]", orientations.io_orientation(affine))


def _turned(array: npt.NDArray[Voxels], axes: npt.NDArray[np.float64]) -> npt.NDArray[Voxels]:
    turned = cast("npt.NDArray[Voxels]", orientations.apply_orientation(array.transpose(2, 1, 0), axes))
    return np.ascontiguousarray(turned.transpose(2, 1, 0))
