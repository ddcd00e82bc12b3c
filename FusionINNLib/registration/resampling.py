"""Putting voxels of one volume onto the grid of another, and telling head from background."""
from __future__ import annotations

from dataclasses import replace

import numpy as np

from FusionINNLib.volumes.itk import LPS_TO_RAS, to_sitk
from FusionINNLib.volumes.volume import Volume

_MAX_SAMPLES = 200_000


def finite_values(volume: Volume) -> np.ndarray:
    """Physical values (k, j, i) as float32; NaN and infinite voxels get the background value."""
    values = volume.values.astype(np.float32, copy=False)
    finite = np.isfinite(values)
    if finite.all():
        return values
    return np.where(finite, values, np.float32(background_value(values[finite])))


def background_value(values: np.ndarray) -> float:
    """What surrounds the head, in the unit of `values` (finite, any shape).

    The most common value, when it is common enough (1 in 20) and isn't the brightest (saturated, not background); else nearly
    the lowest (0.5th percentile), since one stray voxel shouldn't decide.
    """
    flat = values.ravel()
    flat = flat[::max(1, flat.size // _MAX_SAMPLES)]
    found, counts = np.unique(flat, return_counts=True)
    commonest = found[np.argmax(counts)]
    if counts.max() >= 0.05 * flat.size and commonest < np.percentile(flat, 99.9):
        return float(commonest)
    return float(np.percentile(flat, 0.5))


def head_mask(values: np.ndarray) -> np.ndarray:
    """Boolean mask (k, j, i) of the head, roughly: what differs from the background, beyond noise.

    In a skull-stripped volume, a large part is exactly background and all else is head (also negatives). With noise around the head, a
    threshold at a tenth of the bright end does.
    """
    background = background_value(values)
    different = values != np.float32(background)
    # A volume without its skull has a smooth surround of one value; noise around a head makes few voxels exactly alike.
    if np.count_nonzero(~different) >= 0.3 * values.size:
        bright = np.percentile(values[different], 99) if different.any() else background
        faint = values[different] < background + 0.05 * (bright - background)
        if np.count_nonzero(faint) < 0.3 * max(1, np.count_nonzero(different)):
            return different
    bright = np.percentile(values, 99.5)
    return values > background + 0.1 * (bright - background)


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


def itk_transform(transform: np.ndarray):
    """A SimpleITK affine transform (LPS) from a 4x4 in RAS mm."""
    import SimpleITK as sitk

    lps = LPS_TO_RAS @ transform @ LPS_TO_RAS
    result = sitk.AffineTransform(3)
    result.SetMatrix(lps[:3, :3].ravel().tolist())
    result.SetTranslation(lps[:3, 3].tolist())
    return result


def _onto(image, reference: Volume, transform: np.ndarray, interpolator: int, outside: float):
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
