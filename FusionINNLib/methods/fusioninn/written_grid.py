"""A fused image that was turned, flipped, cropped or padded since it was written, back on the grid it was written on.

What is hidden in a fused image has a direction and a phase: read in another orientation, it gives nonsense that looks sure of itself. The
grid is in the record; in records of format 1, which hold none, the boxes of the slices tell the orientation, for they fit the head in one
only.
"""
from collections.abc import Iterator
from dataclasses import replace
from itertools import permutations, product

import numpy as np

from FusionINNLib.errors import ResultError
from FusionINNLib.methods.boxes import Box, find_boxes
from FusionINNLib.methods.fusioninn.card import FusionINNCard
from FusionINNLib.methods.fusioninn.record import NEAR_BACKGROUND, FusionRecord
from FusionINNLib.preprocessing.slicing import to_stack
from FusionINNLib.results.recipe import Recipe
from FusionINNLib.volumes.volume import Volume

ALIGNED, ON_VOXELS = 1e-3, 0.05  # largest deviation of axes (as sines), and of voxels (as a part of their edges), of one and the same grid
CLEARLY = 4.0  # pixels by which the sides of boxes must fit better on average before an image is taken for turned
REMEDY = "give the fused image on the grid it was written on, or the result folder"
_AS_WRITTEN = ((0, 1, 2), (1, 1, 1))


def on_written_grid(volume: Volume, recipe: Recipe, record: FusionRecord, card: FusionINNCard) -> tuple[Volume, tuple[str, ...]]:
    """The voxels where they were when they were written, and what had to be undone, in sentences without a full stop.

    Volumes hold the values of the fused image (k, j, i). Where nothing was moved, the very volume that was given is returned. Raises
    ResultError for an image that was resampled, that was cut through the head, or whose shape cannot be explained.
    """
    if record.affine is None:
        return _by_boxes(volume, recipe, record, card)
    index = np.linalg.inv(volume.affine) @ np.array(record.affine)  # ijk as written -> ijk of the file
    turn, start = np.rint(index[:3, :3]), np.rint(index[:3, 3])
    ends = np.array([[0, size - 1] for size in recipe.shape[::-1]])
    corners = np.array(list(product(*ends)))
    apart = np.abs(corners @ (index[:3, :3] - turn).T + index[:3, 3] - start).max()
    is_turn = np.array_equal(np.abs(turn).sum(0), [1, 1, 1]) and np.array_equal(np.abs(turn).sum(1), [1, 1, 1])
    if not is_turn or apart > ON_VOXELS or np.abs(index[:3, :3] - turn).max() > ALIGNED:
        if volume.shape == recipe.shape:  # voxels as they were, moved as a whole by a transform: where they lie does not matter here
            return _by_boxes(volume, recipe, record, card)
        raise ResultError(f"The fused image was resampled onto another grid since it was written: {REMEDY}.")
    axes = tuple(int(np.abs(turn[:, axis]).argmax()) for axis in range(3))
    signs = tuple(int(turn[axes[axis], axis]) for axis in range(3))
    turned = _turned(volume, axes, signs)
    starts = [int(start[axes[axis]]) if signs[axis] > 0 else turned.shape[2 - axis] - 1 - int(start[axes[axis]]) for axis in range(3)]
    if turned.shape == recipe.shape and starts == [0, 0, 0]:
        return (volume, ()) if (axes, signs) == _AS_WRITTEN else (replace(turned, affine=np.array(record.affine)), _TURNED)
    placed = _placed(turned.array, recipe.shape, starts[::-1], record.background[0])
    notes = (*(_TURNED if (axes, signs) != _AS_WRITTEN else ()), *_CROPPED)
    return replace(volume, array=placed, affine=np.array(record.affine)), notes


_TURNED = ("The file was turned or flipped since the fused image was written: this was undone",)
_CROPPED = ("The file was cropped or padded since the fused image was written: this was undone, and what is missing counts as background",)


def _turned(volume: Volume, axes: tuple[int, ...], signs: tuple[int, ...]) -> Volume:
    """The same image with its axes (i, j, k) in another order, some of them the other way round. `axes[a]` is where axis a comes from."""
    array = volume.array.transpose(*(2 - axes[axis] for axis in (2, 1, 0)))
    affine = volume.affine[:, [*axes, 3]].copy()
    for axis in range(3):
        if signs[axis] < 0:
            array = np.flip(array, 2 - axis)
            affine[:3, 3] += affine[:3, axis] * (array.shape[2 - axis] - 1)
            affine[:3, axis] *= -1
    return replace(volume, array=np.ascontiguousarray(array), affine=affine)


def _placed(array: np.ndarray, shape: tuple[int, int, int], starts: list[int], background: float) -> np.ndarray:
    """Voxels (k, j, i) in a larger or smaller array; `starts` is where the first voxel of that array lies in this one.

    Raises ResultError where the image ends within the head, or holds nothing of it.
    """
    placed = np.full(shape, background, np.float32)
    ranges = [(max(0, start), min(size, start + wanted)) for start, size, wanted in zip(starts, array.shape, shape)]
    if any(first >= last for first, last in ranges):
        raise ResultError(f"The fused image was cropped to a part where nothing was fused: {REMEDY}.")
    for axis, (start, size, wanted) in enumerate(zip(starts, array.shape, shape)):
        for cut, face in ((start < 0, 0), (start + wanted > size, -1)):
            if cut and (np.abs(np.take(array, face, axis) - background) > NEAR_BACKGROUND).any():
                raise ResultError(f"The fused image was cropped through the head since it was written: {REMEDY}.")
    inside = tuple(slice(first - start, last - start) for (first, last), start in zip(ranges, starts))
    placed[inside] = array[tuple(slice(*one) for one in ranges)]
    return placed


# ---- records without a grid ------------------------------------------------------------------------------------------------------


def _by_boxes(volume: Volume, recipe: Recipe, record: FusionRecord, card: FusionINNCard) -> tuple[Volume, tuple[str, ...]]:
    """The orientation whose boxes are those of the record; as it is where none fits clearly better."""
    fits = {turn: _misfit(turned, recipe, record, card) for turn, turned in _orientations(volume, recipe.shape)}
    if not fits:
        raise ResultError(f"The fused image was cropped or resampled since it was written: {REMEDY}.")
    best = min(fits, key=lambda turn: fits[turn])
    if _AS_WRITTEN in fits and fits[_AS_WRITTEN] <= fits[best] + CLEARLY:
        return volume, ()
    others = [fit for turn, fit in fits.items() if turn != best]
    if others and min(others) < fits[best] + CLEARLY:
        raise ResultError(f"The fused image was turned since it was written, and its file does not say how: {REMEDY}.")
    return _turned(volume, *best), _TURNED


def _orientations(volume: Volume, shape: tuple[int, int, int]) -> Iterator[tuple[tuple, Volume]]:
    """((axes, signs), turned volume) of all orientations with this shape, the present one first."""
    for axes in permutations(range(3)):
        if tuple(volume.shape[2 - axes[axis]] for axis in (2, 1, 0)) == shape:
            for signs in product((1, -1), repeat=3):
                yield (axes, signs), _turned(volume, axes, signs)


def _misfit(volume: Volume, recipe: Recipe, record: FusionRecord, card: FusionINNCard) -> float:
    """Pixels, on average over slices and sides, between the boxes that the image would have by itself and those of the record."""
    stack = to_stack(volume.array, recipe.axis)
    shown = (np.abs(part - record.background[0]) > NEAR_BACKGROUND for part in stack)
    found = {box.k: box for box in find_boxes(shown, card.multiple, card.margin)}
    meant = {box.k: box for box in record.boxes}
    return float(np.mean([_apart(found.get(k), meant.get(k)) for k in sorted(found.keys() | meant.keys())])) if found or meant else 0.0


def _apart(one: Box | None, other: Box | None) -> float:
    if one is None or other is None:
        return 16.0
    return (abs(one.j0 - other.j0) + abs(one.j1 - other.j1) + abs(one.i0 - other.i0) + abs(one.i1 - other.i1)) / 4
