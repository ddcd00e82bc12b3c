"""A fused image whose file was turned, flipped, cropped or padded since it was written, back on the grid that its record names."""
from dataclasses import replace
from itertools import product

import numpy as np

from FusionINNLib.errors import ResultError
from FusionINNLib.volumes.volume import Volume

ALIGNED, ON_VOXELS = 1e-3, 0.05  # largest deviation of axes (as sines), and of voxels (as a part of their edges), of one and the same grid
REMEDY = "give the fused image on the grid it was written on, or the result folder"
AS_WRITTEN = ((0, 1, 2), (1, 1, 1))
TURNED = ("The file was turned or flipped since the fused image was written: this was undone",)
CROPPED = ("The file was cropped or padded since the fused image was written: this was undone, and what is missing counts as background",)


def by_header(volume: Volume, shape: tuple[int, int, int], affine: np.ndarray, background: float,
              near: float) -> tuple[Volume, tuple[str, ...]] | None:
    """The voxels where they were when they were written, and what had to be undone, in sentences without a full stop.

    Args:
        volume: values of the fused image (k, j, i).
        shape, affine: of the grid it was written on.
        background, near: values no farther than this from the background are background.

    Where nothing was moved, the very volume that was given is returned. None where all voxels were moved by a transform, so that the header
    tells nothing, and nothing but that. Raises ResultError for an image that was resampled, or cut through the head.
    """
    index = np.linalg.inv(volume.affine) @ affine  # ijk as written -> ijk of the file
    turn, start = np.rint(index[:3, :3]), np.rint(index[:3, 3])
    ends = np.array([[0, size - 1] for size in shape[::-1]])
    corners = np.array(list(product(*ends)))
    apart = np.abs(corners @ (index[:3, :3] - turn).T + index[:3, 3] - start).max()
    is_turn = np.array_equal(np.abs(turn).sum(0), [1, 1, 1]) and np.array_equal(np.abs(turn).sum(1), [1, 1, 1])
    if not is_turn or apart > ON_VOXELS or np.abs(index[:3, :3] - turn).max() > ALIGNED:
        if volume.shape == shape:  # voxels as they were, moved as a whole by a transform: where they lie does not matter here
            return None
        raise ResultError(f"The fused image was resampled onto another grid since it was written: {REMEDY}.")
    axes = tuple(int(np.abs(turn[:, axis]).argmax()) for axis in range(3))
    signs = tuple(int(turn[axes[axis], axis]) for axis in range(3))
    back = turned(volume, axes, signs)
    starts = [int(start[axes[axis]]) if signs[axis] > 0 else back.shape[2 - axis] - 1 - int(start[axes[axis]]) for axis in range(3)]
    if back.shape == shape and starts == [0, 0, 0]:
        return (volume, ()) if (axes, signs) == AS_WRITTEN else (replace(back, affine=affine), TURNED)
    placed = _placed(back.array, shape, starts[::-1], background, near)
    notes = (*(TURNED if (axes, signs) != AS_WRITTEN else ()), *CROPPED)
    return replace(volume, array=placed, affine=affine), notes


def turned(volume: Volume, axes: tuple[int, ...], signs: tuple[int, ...]) -> Volume:
    """The same image with its axes (i, j, k) in another order, some of them the other way round. `axes[a]` is where axis a comes from."""
    array = volume.array.transpose(*(2 - axes[axis] for axis in (2, 1, 0)))
    affine = volume.affine[:, [*axes, 3]].copy()
    for axis in range(3):
        if signs[axis] < 0:
            array = np.flip(array, 2 - axis)
            affine[:3, 3] += affine[:3, axis] * (array.shape[2 - axis] - 1)
            affine[:3, axis] *= -1
    return replace(volume, array=np.ascontiguousarray(array), affine=affine)


def _placed(array: np.ndarray, shape: tuple[int, int, int], starts: list[int], background: float, near: float) -> np.ndarray:
    """Voxels (k, j, i) in a larger or smaller array; `starts` is where the first voxel of that array lies in this one.

    Raises ResultError where the image ends within the head, or holds nothing of it.
    """
    placed = np.full(shape, background, np.float32)
    ranges = [(max(0, start), min(size, start + wanted)) for start, size, wanted in zip(starts, array.shape, shape)]
    if any(first >= last for first, last in ranges):
        raise ResultError(f"The fused image was cropped to a part where nothing was fused: {REMEDY}.")
    for axis, (start, size, wanted) in enumerate(zip(starts, array.shape, shape)):
        for cut, face in ((start < 0, 0), (start + wanted > size, -1)):
            if cut and (np.abs(np.take(array, face, axis) - background) > near).any():
                raise ResultError(f"The fused image was cropped through the head since it was written: {REMEDY}.")
    inside = tuple(slice(first - start, last - start) for (first, last), start in zip(ranges, starts))
    placed[inside] = array[tuple(slice(*one) for one in ranges)]
    return placed
