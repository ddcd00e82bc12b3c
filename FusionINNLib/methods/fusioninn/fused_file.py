"""A fused image from one file and no other, as it was written or as somebody stored it again, made ready for an estimate."""
from dataclasses import replace

import numpy as np

from FusionINNLib.errors import InputError
from FusionINNLib.methods.boxes import find_boxes
from FusionINNLib.methods.fusioninn.card import FusionINNCard
from FusionINNLib.methods.fusioninn.record import NEAR_BACKGROUND, FusionRecord, record_of
from FusionINNLib.methods.fusioninn.written_grid import on_written_grid
from FusionINNLib.methods.fusioninn.written_scale import READABLE, on_written_scale, rounding_step
from FusionINNLib.preprocessing.normalization import LARGEST_NOMINAL, Normalization, bright_level, dark_level, finite, is_nominal, levels
from FusionINNLib.preprocessing.slicing import to_stack
from FusionINNLib.results.recipe import Recipe, SourceRecord
from FusionINNLib.results.records import FusedFile
from FusionINNLib.results.trust import Trust
from FusionINNLib.volumes.volume import Volume

GUESSED = "The file has no scale factors: the scale of the fused image was guessed from its voxels"
NO_RECORD = ("Nothing in the file shows that it is a fused image of this program. If it is a scan, what comes out is made up and means "
             "nothing; if it is a fused image that lost its header, the estimates are on the nominal 0..1 scale, without a unit.")
SCAN = "Its values are not on the scale of fused images, which speaks for a scan: give the fused.nii.gz that a fusion wrote."
ROUNDED = "The fused image is stored in steps of {:.2g}, so that its last digits are rounded: the spread takes account of it"


def adopt(volume: Volume, recipe: Recipe | None, has_scale: bool, card: FusionINNCard) -> FusedFile:
    """A fused image with or without its record, with or without its scale; with its record, on the grid and scale it was written on.

    Args:
        recipe: None where the image came without one.
        has_scale: whether its scale factors say what its values are.

    Raises ResultError for a record that no fusion can have written, and for an image on a grid that cannot be traced back.
    """
    values, is_float = finite(volume.values), volume.array.dtype.kind == "f"
    is_guessed = not has_scale and not is_nominal(volume.array)
    notes = (*volume.notes, *([GUESSED] if is_guessed else []))
    fused = replace(volume, array=values, slope=1.0, intercept=0.0, name="fused", unit="")
    if recipe is not None:
        return _with_record(fused, recipe, is_float, is_guessed, card, notes)
    if is_guessed:
        values = _rescaled(values, (dark_level(values), bright_level(values)), (0.0, card.typical_bright))
        fused = replace(fused, array=values)
    warnings = (NO_RECORD, *([SCAN] if is_guessed or bright_level(values) > LARGEST_NOMINAL else []))
    return FusedFile(fused, bare_recipe(fused, card), notes, warnings=warnings)


def _with_record(fused: Volume, recipe: Recipe, is_float: bool, is_guessed: bool, card: FusionINNCard, notes: tuple[str, ...]) -> FusedFile:
    record = record_of(recipe)
    fused, moved = on_written_grid(fused, recipe, record, card)
    values = _rescaled(fused.array, levels(fused.array), recipe.levels) if is_guessed else fused.array
    step = rounding_step(values) if card.cell else 0.0
    if card.cell:
        values, scaled = on_written_scale(values, recipe.levels, record.background[0], step, card.cell)
        moved = (*moved, *scaled)
    if not is_float or step:
        values = values.copy() if values is fused.array else values
        restore_background(values, record.background[0])
    rounded = (ROUNDED.format(step),) if 0 < step <= READABLE * card.cell else ()
    trust = Trust.UNDONE if moved or is_guessed else Trust.ROUNDED if step or not is_float else Trust.AS_WRITTEN
    return FusedFile(replace(fused, array=values), recipe, (*notes, *moved, *rounded), trust)


def _rescaled(values: np.ndarray, found: tuple[float, float], meant: tuple[float, float]) -> np.ndarray:
    """Values with what is dark and what is bright in them put where they lie in fused images."""
    slope = (meant[1] - meant[0]) / max(found[1] - found[0], 1e-30)
    return ((values - np.float32(found[0])) * np.float32(slope) + np.float32(meant[0])).astype(np.float32)


def restore_background(values: np.ndarray, background: float) -> None:
    """Undo, in place, what rounding to integers did to the background: it moved all of it by the same part of a step.

    The estimate of background is as far off as its fused value, and most of a slice is background.
    """
    nearest = values.flat[np.abs(values - background).argmin()]
    present = np.unique(values.reshape(-1)[::max(1, values.size // 100_000)])
    step = np.diff(present).min() if present.size > 1 else 0.0
    if abs(nearest - background) <= 0.51 * step:
        values[values == nearest] = background


def bare_recipe(fused: Volume, card: FusionINNCard) -> Recipe:
    """A recipe from the voxels alone, for a file that has lost its own: both sources on the nominal 0..1 scale.

    Raises InputError where there is nothing but background.
    """
    axis = fused.through_plane_axis
    background = dark_level(fused.array)
    stack = to_stack(fused.array, axis)
    boxes = find_boxes((np.abs(part - background) > NEAR_BACKGROUND for part in stack), card.multiple, card.margin)
    if not boxes:
        raise InputError(f"{fused.name}: there is nothing but background; give a fused image.")
    source = SourceRecord("", "float32", 1.0, 0.0, False, (Normalization(0.0, 1.0),))
    record = FusionRecord(tuple(boxes), (background, 0.0)).to_dict()
    return Recipe("fusioninn", card.id, card.fingerprint, fused.shape, axis, record, levels(fused.array), (source, source))
