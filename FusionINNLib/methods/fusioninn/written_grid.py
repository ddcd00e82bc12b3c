"""A fused image that was turned, flipped, cropped or padded since it was written, back on the grid it was written on.

What is hidden in a fused image has a direction and a phase: read in another orientation, it gives nonsense that looks sure of itself. The
grid is in the record; in records of format 1, which hold none, the boxes of the slices tell the orientation, for they fit the head in one
only.
"""
from collections.abc import Iterator
from itertools import permutations, product

import numpy as np

from FusionINNLib.errors import ResultError
from FusionINNLib.methods.boxes import Box, find_boxes
from FusionINNLib.methods.fusioninn.card import FusionINNCard
from FusionINNLib.methods.fusioninn.record import NEAR_BACKGROUND, FusionRecord
from FusionINNLib.methods.stored_grid import AS_WRITTEN, REMEDY, TURNED, by_header, turned
from FusionINNLib.preprocessing.slicing import to_stack
from FusionINNLib.results.recipe import Recipe
from FusionINNLib.volumes.volume import Volume

CLEARLY = 4.0  # pixels by which the sides of boxes must fit better on average before an image is taken for turned


def on_written_grid(volume: Volume, recipe: Recipe, record: FusionRecord, card: FusionINNCard) -> tuple[Volume, tuple[str, ...]]:
    """The voxels where they were when they were written, and what had to be undone, in sentences without a full stop.

    Volumes hold the values of the fused image (k, j, i). Where nothing was moved, the very volume that was given is returned. Raises
    ResultError for an image that was resampled, that was cut through the head, or whose shape cannot be explained.
    """
    found = None
    if record.affine is not None:
        found = by_header(volume, recipe.shape, np.array(record.affine), record.background[0], NEAR_BACKGROUND)
    return found or _by_boxes(volume, recipe, record, card)


# ---- records without a grid ------------------------------------------------------------------------------------------------------


def _by_boxes(volume: Volume, recipe: Recipe, record: FusionRecord, card: FusionINNCard) -> tuple[Volume, tuple[str, ...]]:
    """The orientation whose boxes are those of the record; as it is where none fits clearly better."""
    fits = {turn: _misfit(turned, recipe, record, card) for turn, turned in _orientations(volume, recipe.shape)}
    if not fits:
        raise ResultError(f"The fused image was cropped or resampled since it was written: {REMEDY}.")
    best = min(fits, key=lambda turn: fits[turn])
    if AS_WRITTEN in fits and fits[AS_WRITTEN] <= fits[best] + CLEARLY:
        return volume, ()
    others = [fit for turn, fit in fits.items() if turn != best]
    if others and min(others) < fits[best] + CLEARLY:
        raise ResultError(f"The fused image was turned since it was written, and its file does not say how: {REMEDY}.")
    return turned(volume, *best), TURNED


def _orientations(volume: Volume, shape: tuple[int, int, int]) -> Iterator[tuple[tuple, Volume]]:
    """((axes, signs), turned volume) of all orientations with this shape, the present one first."""
    for axes in permutations(range(3)):
        if tuple(volume.shape[2 - axes[axis]] for axis in (2, 1, 0)) == shape:
            for signs in product((1, -1), repeat=3):
                yield (axes, signs), turned(volume, axes, signs)


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
