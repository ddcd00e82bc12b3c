"""A fused image from one file and no other, as it was written or as somebody stored it again, ready for an estimate."""
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from FusionINNLib.errors import InputError
from FusionINNLib.methods import model_card
from FusionINNLib.preprocessing.normalization import Normalization, bright_level, dark_level, levels
from FusionINNLib.preprocessing.slicing import find_boxes, to_stack
from FusionINNLib.results.recipe import NEAR_BACKGROUND, Recipe, SourceRecord, from_extensions
from FusionINNLib.volumes.io import NIFTI_ENDINGS, has_scale_factors, read_extension, read_volume
from FusionINNLib.volumes.volume import Volume

LARGEST_NOMINAL = 20.0  # a floating-point image whose bright tissue lies beyond this cannot be on the nominal 0..1 scale


@dataclass(frozen=True)
class FusedFile:
    """`fused` on the nominal 0..1 scale, float32; `notes` are sentences for the user about what had to be assumed."""

    fused: Volume
    recipe: Recipe
    notes: tuple[str, ...]


def read_fused(path: Path, model: str | None = None) -> FusedFile:
    """Read a fused image with or without its record in the header, with or without its scale.

    Args:
        path: NIfTI, or another format (which never holds the record).
        model: id or path of a model folder; by itself the one that the file names, or the default one where it names none.

    Raises InputError as `read_volume` does, ResultError for a record of a newer version.
    """
    volume = read_volume(path)
    is_nifti = str(path).lower().endswith(NIFTI_ENDINGS)
    recipe = from_extensions(read_extension(path)) if is_nifti else None
    notes = list(volume.notes)
    card = model_card.find(model or (recipe.model if recipe else model_card.DEFAULT))
    has_scale = volume.is_scaled or (is_nifti and has_scale_factors(path))
    values = np.nan_to_num(volume.values.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    is_float = volume.array.dtype.kind == "f"
    if not has_scale and not (is_float and bright_level(values) <= LARGEST_NOMINAL):
        if recipe:
            values = _rescaled(values, levels(values), recipe.levels)
        else:
            values = _rescaled(values, (dark_level(values), bright_level(values)), (0.0, card.typical_bright))
        notes.append("The file has no scale factors: the scale of the fused image was guessed from its voxels")
    if recipe and not is_float:
        restore_background(values, recipe.background[0])
    fused = replace(volume, array=values, slope=1.0, intercept=0.0, name="fused", unit="")
    if recipe is None:
        notes.append("The file does not say how the sources were scaled: the estimates are on the nominal 0..1 scale, without a unit")
        recipe = bare_recipe(fused, card)
    return FusedFile(fused, recipe, tuple(notes))


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


def bare_recipe(fused: Volume, card: model_card.ModelCard) -> Recipe:
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
    return Recipe(card.id, card.fingerprint, fused.shape, axis, tuple(boxes), (background, 0.0), levels(fused.array), (source, source))
