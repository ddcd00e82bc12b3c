"""What FusionINN keeps in a recipe for its way back: where the network worked, and what background became."""
from dataclasses import dataclass, replace

import numpy as np

from FusionINNLib.errors import ResultError
from FusionINNLib.methods.boxes import Box
from FusionINNLib.methods.fusioninn import sketch, spots
from FusionINNLib.methods.fusioninn.sketch import Sketches
from FusionINNLib.methods.fusioninn.spots import Spots
from FusionINNLib.results import kept_apart
from FusionINNLib.results.recipe import Recipe

NEAR_BACKGROUND = 1.5 / 255  # fused values no farther from the background than this are taken for background, once rounded


@dataclass(frozen=True, eq=False)
class FusionRecord:
    """boxes: where the network worked, see methods/boxes.py. background: fused and latent value of background. affine: rows of the 4x4 from
    (i, j, k) to RAS in mm, by which a file that was turned or cropped since is put back. sketches: of all slices, see sketch.py. Both are
    None in records of format 1. numbers: of the slices in the whole volume, where these are only some of them. spots: see spots.py; none
    in records from before there were any."""

    boxes: tuple[Box, ...]
    background: tuple[float, float]
    affine: tuple[tuple[float, ...], ...] | None = None
    sketches: Sketches | None = None
    numbers: tuple[int, ...] | None = None
    spots: Spots = spots.NONE

    def to_dict(self) -> dict:
        """JSON-ready, compact."""
        more = {} if self.affine is None else {"affine": [list(row) for row in self.affine]}
        more |= {} if self.sketches is None else {"sketches": self.sketches.to_text()}
        more |= {} if self.numbers is None else {"numbers": list(self.numbers)}
        more |= {"spots": self.spots.to_text()} if self.spots.slices.size else {}
        return {"background": list(self.background), "boxes": [[box.k, box.j0, box.j1, box.i0, box.i1] for box in self.boxes], **more}


def record_of(recipe: Recipe) -> FusionRecord:
    """The record in a recipe. Raises ResultError for what no fusion can have written: the one in an image header has no checksum."""
    try:
        fused, latent = map(float, recipe.record["background"])
        boxes = tuple(Box(*map(int, box)) for box in recipe.record["boxes"])
        _check(boxes, (fused, latent), recipe)
        text = recipe.record.get("sketches")
        sketches = None if text is None else sketch.from_text(text, recipe.shape[recipe.axis])
        numbers = recipe.record.get("numbers")
        apart = spots.from_text(recipe.record.get("spots", ""), _stack_shape(recipe))
        return FusionRecord(boxes, (fused, latent), _affine(recipe.record.get("affine")), sketches,
                            None if numbers is None else _numbers(numbers, recipe.shape[recipe.axis]), apart)
    except (KeyError, TypeError, ValueError, OverflowError) as problem:
        raise ResultError(f"The record of the fusion is damaged ({type(problem).__name__}): fuse the sources again.") from problem


def with_boxes(recipe: Recipe, boxes: tuple[Box, ...]) -> Recipe:
    """The recipe with the network at work in these boxes alone."""
    return replace(recipe, record=replace(record_of(recipe), boxes=boxes).to_dict())


def of_slices(recipe: Recipe, chosen: list[int]) -> Recipe:
    """The recipe of a volume made of these slices alone, in this order; voxels that are not finite come out as background."""
    boxes = tuple(replace(box, k=chosen.index(box.k)) for box in record_of(recipe).boxes if box.k in chosen)
    sources = tuple(replace(source, normalizations=tuple(source.normalization(k) for k in chosen), not_finite=None,
                            kept_apart=kept_apart.of_slices(source, recipe, chosen)) for source in recipe.sources)
    shape = tuple(len(chosen) if axis == recipe.axis else size for axis, size in enumerate(recipe.shape))
    whole = record_of(recipe)
    sketches = whole.sketches and whole.sketches.of_slices(chosen)
    numbers = tuple(chosen if whole.numbers is None else (whole.numbers[k] for k in chosen))
    record = replace(whole, boxes=boxes, sketches=sketches, numbers=numbers, spots=whole.spots.of_slices(chosen)).to_dict()
    return replace(recipe, shape=shape, record=record, sources=sources)


def _numbers(numbers: list, count: int) -> tuple[int, ...]:
    found = tuple(map(int, numbers))
    if len(found) != count or min(found, default=0) < 0:
        raise ValueError("numbers")
    return found


def _affine(rows: list | None) -> tuple[tuple[float, ...], ...] | None:
    if rows is None:
        return None
    affine = np.array(rows, np.float64)
    if affine.shape != (4, 4) or not np.isfinite(affine).all() or abs(np.linalg.det(affine)) < 1e-12:
        raise ValueError("affine")
    return tuple(map(tuple, affine.tolist()))


def _check(boxes: tuple[Box, ...], background: tuple[float, float], recipe: Recipe) -> None:
    """Raise ValueError for boxes outside of the volume and for numbers that are none."""
    if not np.isfinite(background).all():
        raise ValueError("background")
    count, rows, columns = _stack_shape(recipe)
    if not all(0 <= box.k < count and 0 <= box.j0 < box.j1 <= rows and 0 <= box.i0 < box.i1 <= columns for box in boxes):
        raise ValueError("boxes")


def _stack_shape(recipe: Recipe) -> tuple[int, int, int]:
    """(K, J, I) of the stack of slices."""
    rows, columns = (size for axis, size in enumerate(recipe.shape) if axis != recipe.axis)
    return recipe.shape[recipe.axis], rows, columns
