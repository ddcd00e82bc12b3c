"""Putting voxels of one volume onto the grid of another."""
# SimpleITK has few types:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from FusionINNLib.volumes.foreground import background_value, finite_values
from FusionINNLib.volumes.itk import LPS_TO_RAS, to_sitk
from FusionINNLib.volumes.volume import Volume

if TYPE_CHECKING:
    import SimpleITK as sitk


def resample(moving: Volume, reference: Volume, transform: np.ndarray) -> Volume:
    """`moving` on the grid of `reference`, as float32 physical values (slope 1, intercept 0).

    transform: 4x4, RAS mm, takes a point of the reference to the point of `moving` that is shown there.
    Linear: splines overshoot at edges, which makes values that no tissue has. Outside its field of view `moving` has its background value.
    """
    import SimpleITK as sitk

    values = finite_values(moving)
    image = to_sitk(values, moving.affine)
    array = sitk.GetArrayFromImage(_onto(image, reference, transform, sitk.sitkLinear, background_value(values)))
    return replace(moving, array=array, affine=reference.affine, slope=1.0, intercept=0.0)


def resample_labels(segmentation: Volume, reference: Volume, transform: np.ndarray | None = None) -> Volume:
    """Labels on the grid of `reference` by nearest neighbour in RAS, in their own type; 0 outside. The same object on the same grid.

    transform: as for `resample`, for labels that were drawn on a volume which was moved; without one the headers count.
    """
    import SimpleITK as sitk

    if segmentation.same_grid(reference):
        return segmentation
    image = to_sitk(segmentation.array, segmentation.affine)
    array = sitk.GetArrayFromImage(_onto(image, reference, np.eye(4) if transform is None else transform, sitk.sitkNearestNeighbor, 0.0))
    notes = segmentation.notes + ("the segmentation was on another grid and was resampled (nearest neighbour)",)
    if segmentation.array.any() and not array.any():
        notes += ("none of the segmentation lies within the reference",)
    return replace(segmentation, array=array, affine=reference.affine, notes=notes)


def onto_grid(volume: Volume, grid: Volume) -> Volume | None:
    """`volume` on the voxels of `grid`, all of them kept: the very object on the same grid, `reordered` on the same voxels, else None."""
    return volume if volume.same_grid(grid) else reordered(volume, grid)


def reordered(moving: Volume, reference: Volume) -> Volume | None:
    """`moving` with its axes swapped and flipped so that it lies on the grid of `reference`, each voxel untouched; None if that can't be.

    Volumes stored in another axis order or direction on the same voxels need no interpolation, and stay exact.
    """
    index = np.linalg.inv(moving.affine) @ reference.affine  # reference (i, j, k) to moving (i, j, k)
    order = np.abs(index[:3, :3]).argmax(axis=0)
    if sorted(order) != [0, 1, 2]:
        return None
    array = moving.array.transpose(*(2 - int(order[axis]) for axis in (2, 1, 0)))
    affine = moving.affine[:, [*order, 3]].copy()
    for axis in range(3):  # i, j, k of the reordered array
        if index[order[axis], axis] < 0:
            array = np.flip(array, 2 - axis)
            affine[:3, 3] += affine[:3, axis] * (array.shape[2 - axis] - 1)
            affine[:3, axis] *= -1
    turned = replace(moving, array=np.ascontiguousarray(array), affine=affine)
    return replace(turned, affine=reference.affine) if turned.same_grid(reference) else None


def thinned(volume: Volume, step: int) -> Volume:
    """Every `step`-th voxel along each axis, from the first; an axis of fewer than 16 voxels stays whole."""
    k, j, i = (step if size >= 16 * step else 1 for size in volume.shape)
    return replace(volume, array=volume.array[::k, ::j, ::i], affine=volume.affine @ np.diag([i, j, k, 1.0]))


def itk_transform(transform: np.ndarray) -> sitk.AffineTransform:
    """A SimpleITK affine transform (LPS) from a 4x4 in RAS mm."""
    import SimpleITK as sitk

    lps = LPS_TO_RAS @ transform @ LPS_TO_RAS
    result = sitk.AffineTransform(3)
    result.SetMatrix(lps[:3, :3].ravel().tolist())
    result.SetTranslation(lps[:3, 3].tolist())
    return result


def _onto(image: sitk.Image, reference: Volume, transform: np.ndarray, interpolator: int, outside: float) -> sitk.Image:
    import SimpleITK as sitk

    lps = LPS_TO_RAS @ reference.affine
    spacing = np.linalg.norm(lps[:3, :3], axis=0)
    grid = sitk.ResampleImageFilter()
    grid.SetSize([int(size) for size in reference.shape[::-1]])
    grid.SetOutputSpacing(spacing.tolist())
    grid.SetOutputDirection((lps[:3, :3] / spacing).ravel().tolist())
    grid.SetOutputOrigin(lps[:3, 3].tolist())
    grid.SetInterpolator(interpolator)
    grid.SetDefaultPixelValue(float(outside))
    grid.SetTransform(itk_transform(transform))
    return grid.Execute(image)
