"""The whole way: two volumes to a fused one with its latent, and back, exactly or as an estimate.

    fuse:       align -> normalise -> slices -> network -> volume
    decompose:  volume -> slices -> network's inverse -> volume -> stored numbers of the source   (exact, with the saved latent)
    estimate:   the same with drawn latents                                                       (from the fused image alone)

All arrays are (k, j, i), affines IJK-to-RAS in mm. Nothing here reads or writes files.
"""
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from FusionINNLib.errors import InputError, ModelError, ResultError
from FusionINNLib.methods import devices, model_card, weights
from FusionINNLib.methods.fusioninn.exactness import allowed_error, fuse_exactly
from FusionINNLib.methods.fusioninn.fused_file import restore_background
from FusionINNLib.methods.fusioninn.latent_sampling import all_draws, draw, way_of_estimate, what_was_lost
from FusionINNLib.methods.slice_inference import Engine
from FusionINNLib.preprocessing.normalization import fit_slice, fit_volume, levels
from FusionINNLib.preprocessing.slicing import Box, batches, find_boxes, from_stack, to_stack
from FusionINNLib.progress import Progress
from FusionINNLib.registration.alignment import Alignment, align
from FusionINNLib.results.recipe import Recipe, SourceRecord, pack_not_finite, restore_not_finite
from FusionINNLib.volumes.volume import Volume, check_voxels


@dataclass(frozen=True)
class Fusion:
    """What `fuse` gives. `first` and `second` are the sources on the reference grid."""

    fused: Volume
    latent: Volume
    recipe: Recipe
    first: Volume
    second: Volume
    alignment: Alignment
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Estimate:
    """What `estimate` gives: float32 volumes in the sources' units; `cycle_error` on the fused image's scale. They are no scans.

    warnings: sentences for the user.
    """

    first: Volume
    second: Volume
    first_spread: Volume
    second_spread: Volume
    cycle_error: Volume
    warnings: tuple[str, ...] = ()


# ---- there -----------------------------------------------------------------------------------------------------------------------


def fuse(first: Volume, second: Volume, *, reference: str = "second", alignment: str = "auto", model: str = model_card.DEFAULT,
         device: str = "auto", progress: Progress | None = None) -> Fusion:
    """Fuse two volumes on the grid of the reference.

    Args:
        first, second: two contrasts of one patient, in this order: ADC and FLAIR, or T1 with contrast and FLAIR.
        reference: "first" or "second", whose grid the result has.
        alignment: "auto", "none", "header" or "rigid", see registration/alignment.py.
        model: id or path of a model folder.
        device: "auto", "cpu", "cuda", "cuda:1", "mps".

    Raises InputError, GeometryError, ModelError, DeviceMemoryError, Cancelled.
    """
    if reference not in ("first", "second"):
        raise InputError(f"The reference cannot be {reference!r}: choose first or second.")
    first, second = check_voxels(first), check_voxels(second)
    progress, warnings = progress or Progress(), []
    card = model_card.find(model)
    engine = Engine(weights.load(card), devices.choose_device(device), warnings.append)
    fixed, moving = (first, second) if reference == "first" else (second, first)
    aligned = align(fixed, moving, alignment, lambda share, task: progress.step(task, round(100 * share), 100))
    on_grid = (fixed, aligned.volume) if reference == "first" else (aligned.volume, fixed)
    axis = fixed.through_plane_axis
    records = tuple(_record(volume, axis, card.normalization, aligned.resampled and volume is not fixed) for volume in on_grid)
    stacks = tuple(to_stack(volume.array, axis) for volume in on_grid)

    fused, latent = (np.empty(fixed.shape, np.float32) for _ in range(2))
    boxes, background = fuse_slices(engine, card, stacks, records, tuple(to_stack(image, axis) for image in (fused, latent)), progress)
    recipe = Recipe(card.id, card.fingerprint, fused.shape, axis, tuple(boxes), background, levels(fused), records)
    return Fusion(Volume(fused, fixed.affine, "fused"), Volume(latent, fixed.affine, "latent"), recipe, *on_grid, aligned,
                  (*aligned.warnings, *warnings))


def fuse_slices(engine: Engine, card: model_card.ModelCard, stacks: tuple[np.ndarray, np.ndarray], records: tuple[SourceRecord,
                                                                                                                  SourceRecord],
                results: tuple[np.ndarray, np.ndarray], progress: Progress) -> tuple[list[Box], tuple[float, float]]:
    """Stacks (K, J, I) of stored numbers -> fused and latent, float32, written into `results`; boxes and background for the recipe.

    A box whose values are so extreme that float32 arithmetic in the network would not give the sources back is left to the rule outside
    of boxes, plain average and difference, which always does.
    """
    fused, latent = results
    boxes = find_boxes(_occupied(stacks, records), card.multiple, card.margin)
    background = _to_a_grey_level(engine.background())
    for k in range(len(fused)):
        x1, x2 = (_normalised(stack[k], record, k).astype(np.float64) for stack, record in zip(stacks, records))
        fused[k], latent[k] = background[0] + (x1 + x2) / 2, background[1] + (x1 - x2)
    allowed = tuple(allowed_error(stack, record) for stack, record in zip(stacks, records))
    inexact: list[Box] = []

    def fuse_batch(batch: list[Box]) -> int:
        sources = [np.stack([_normalised(stack[box.index], record, box.k) for box in batch]) for stack, record in zip(stacks, records)]
        limits = np.array([[error / record.normalization(box.k).scale for box in batch] for error, record in zip(allowed, records)])
        for box, y, z, exact in zip(batch, *fuse_exactly(engine, sources, limits)):
            if exact:
                fused[box.index], latent[box.index] = y, z
            else:
                inexact.append(box)
        return len(batch)

    _run_all(engine, fuse_batch, batches(boxes, engine.batch), "fusing slices", len(boxes), progress)
    if inexact:
        engine.say(f"{len(inexact)} slice(s) hold values too extreme for the network to give back exactly; "
                   "they were fused by plain average.")
    return [box for box in boxes if box not in set(inexact)], background


def _to_a_grey_level(background: tuple[float, float]) -> tuple[float, float]:
    """Fused and latent value of background, the fused one to the nearest grey level of 8-bit storage.

    What a network makes of background is flat to less than that; similarities, which look at it through a magnifying glass, are to find
    0 where it is 0 to the eye.
    """
    return round(background[0] * 255) / 255, background[1]


def _record(volume: Volume, axis: int, normalization: str, resampled: bool) -> SourceRecord:
    if normalization == "slice":
        maps = tuple(fit_slice(part) for part in to_stack(volume.array, axis))
    else:
        maps = (fit_volume(volume.array),)
    return SourceRecord(volume.unit, volume.array.dtype.name, volume.slope, volume.intercept, resampled, maps,
                        pack_not_finite(volume.array))


def _normalised(stored: np.ndarray, record: SourceRecord, k: int) -> np.ndarray:
    """Stored numbers of slice k, any shape -> float32 on the nominal 0..1 scale; what is not finite becomes background, 0."""
    normalised = record.normalization(k).apply(stored)
    if record.not_finite is not None:
        normalised[~np.isfinite(stored)] = 0
    return normalised


def _occupied(stacks: tuple[np.ndarray, np.ndarray], records: tuple[SourceRecord, SourceRecord]) -> Iterator[np.ndarray]:
    """For each slice, where one of the sources is not background."""
    for k in range(len(stacks[0])):
        yield np.any([_normalised(stack[k], record, k) != 0 for stack, record in zip(stacks, records)], axis=0)


def _run_all(engine: Engine, step: Callable[..., int], items: Iterable, task: str, total: int, progress: Progress) -> None:
    """Work through batches or boxes; each step says how many slices it finished."""
    done = 0
    for finished in engine.each(step, ((item,) for item in items)):
        done += finished
        progress.step(task, done, total)


# ---- back, exactly ---------------------------------------------------------------------------------------------------------------


def decompose(fused: Volume, latent: Volume, recipe: Recipe, *, model: str | None = None, device: str = "auto",
              progress: Progress | None = None) -> tuple[Volume, Volume]:
    """Both sources on the reference grid, from the fused image and the latent that came with it.

    Integers that were not resampled come back identical in every voxel, with their type and scale factors; others to 1e-5 of their range.
    Raises ResultError where the two volumes do not belong together, ModelError, DeviceMemoryError, Cancelled.
    """
    if not fused.shape == latent.shape == recipe.shape:
        raise ResultError("Fused image, latent and record do not belong together (their sizes differ): use what one fusion wrote.")
    progress = progress or Progress()
    engine = Engine(weights.load(_card_of(recipe, model)), devices.choose_device(device), progress.say)
    y, z = (to_stack(volume.array, recipe.axis) for volume in (fused, latent))
    arrays = tuple(np.empty(recipe.shape, np.dtype(record.dtype)) for record in recipe.sources)
    stacks = tuple(to_stack(array, recipe.axis) for array in arrays)
    for k in range(len(y)):
        _store(stacks, recipe, (k,), k, *_outside(y[k], z[k], recipe.background))

    def decompose_batch(batch: list[Box]) -> int:
        for box, x1, x2 in zip(batch, *engine.decompose(*(_cut(stack, batch) for stack in (y, z)))):
            _store(stacks, recipe, box.index, box.k, x1, x2)
        return len(batch)

    _run_all(engine, decompose_batch, batches(list(recipe.boxes), engine.batch), "decomposing slices", len(recipe.boxes), progress)
    volumes = []
    for name, array, record in zip(("first", "second"), arrays, recipe.sources):
        restore_not_finite(array, record.not_finite)
        volumes.append(Volume(array, fused.affine, f"{name}_exact", record.unit, record.slope, record.intercept))
    return volumes[0], volumes[1]


def _card_of(recipe: Recipe, model: str | None) -> model_card.ModelCard:
    """The model that made a fusion. Raises ModelError where only another one of that name is at hand."""
    card = model_card.find(model or recipe.model)
    if card.fingerprint != recipe.sha256:
        raise ModelError(f"The fused image was made with other weights or settings of model {recipe.model!r} than those installed, "
                         "or by another version of FusionINN: choose the folder of the model that made it (on the command line: "
                         "--model), or fuse the sources again.")
    return card


def _outside(y: np.ndarray, z: np.ndarray, background: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    """Sources outside of the boxes, where they were fused by average and difference."""
    average, half = y.astype(np.float64) - background[0], (z.astype(np.float64) - background[1]) / 2
    return average + half, average - half


def _cut(stack: np.ndarray, batch: list[Box]) -> np.ndarray:
    return np.stack([stack[box.index] for box in batch])


def _store(stacks: tuple[np.ndarray, ...], recipe: Recipe, index: tuple, k: int, *sources: np.ndarray) -> None:
    """Put normalised sources of slice k into stacks of stored numbers."""
    for stack, record, source in zip(stacks, recipe.sources, sources):
        stack[index] = record.normalization(k).undo_as(source, stack.dtype)


# ---- back, as an estimate --------------------------------------------------------------------------------------------------------


def estimate(fused: Volume, recipe: Recipe, *, samples: int = 8, seed: int = 0, numbers: list[int] | None = None, model: str | None = None,
             device: str = "auto", progress: Progress | None = None) -> Estimate:
    """Both sources as the network believes them to be, from the fused image alone: mean and standard deviation over drawn latents.

    Where the digits that were exchanged last are lost (8 bit, smoothing, resampling), what the learned layers hid is all there is.
    The spread is that standard deviation times the factor by which, on the model's training patients, it falls short of the true error
    (`spread_scale` and `spread_scale_rounded` of the card): what a user takes for the uncertainty is to be as large as the error on
    average.

    Args:
        fused: on the nominal 0..1 scale, as `fuse` gave it or stored again with less precision.
        recipe: from the header of the fused image, or `bare_recipe`.
        samples: number of latents drawn; the spread needs two.
        seed: the same seed gives the same result.
        numbers: of the slices in the whole volume, where `fused` holds only some (see `Recipe.of_slices`): for the same latents as there.

    Raises InputError, ResultError, ModelError, DeviceMemoryError, Cancelled.
    """
    if fused.shape != recipe.shape:
        raise ResultError("The fused image was cropped or resampled since it was written: an estimate needs it on its own grid.")
    if samples < 1:
        raise InputError("An estimate needs at least one drawn latent: choose more samples.")
    progress = progress or Progress()
    card = _card_of(recipe, model)
    engine = Engine(weights.load(card), devices.choose_device(device), progress.say)
    y = _readable(fused, recipe)
    mean, spread = (np.zeros((2, *y.shape), np.float32) for _ in range(2))
    cycle = np.zeros(y.shape, np.float32)
    way_of, lost = way_of_estimate(engine, card, y, recipe), {}
    mean[:] = y - np.float32(recipe.background[0])  # outside of the boxes both sources are what the fused image shows

    def estimate_slice(box: Box) -> int:
        image = y[box.index]
        drawn = draw(samples, box.shape, [seed, numbers[box.k] if numbers else box.k])
        way = way_of(image)
        lost[box.k] = way.lost
        draws = all_draws(way.back, engine.batch, image, drawn)  # (samples, 2, J, I)
        (k, rows, columns), average = box.index, draws.mean(0)
        mean[:, k, rows, columns], spread[:, k, rows, columns] = average, way.scale * draws.std(0, ddof=min(1, samples - 1))
        cycle[box.index] = engine.fuse(average[:1], average[1:])[0][0] - image
        return 1

    _run_all(engine, estimate_slice, recipe.boxes, "estimating slices", len(recipe.boxes), progress)
    means = [_physical(mean[n], recipe, n, fused.affine, ("first_estimated", "second_estimated")[n]) for n in range(2)]
    spreads = [_physical_spread(spread[n], recipe, n, fused.affine, ("first_spread", "second_spread")[n]) for n in range(2)]
    misfit = Volume(np.ascontiguousarray(from_stack(cycle, recipe.axis)), fused.affine, "cycle_error")
    return Estimate(*means, *spreads, misfit, what_was_lost(list(lost.values())))


def _readable(fused: Volume, recipe: Recipe) -> np.ndarray:
    """The stack (K, J, I) float32 of a fused image, whose background rounding to integers may have moved."""
    values = fused.values.astype(np.float32)
    if fused.array.dtype.kind != "f":
        restore_background(values, recipe.background[0])
    return to_stack(values, recipe.axis)


def _physical(stack: np.ndarray, recipe: Recipe, n: int, affine: np.ndarray, name: str) -> Volume:
    """Normalised slices (K, J, I) of source n -> float32 volume of physical values."""
    record = recipe.sources[n]
    values = np.stack([record.normalization(k).undo(part) * record.slope + record.intercept for k, part in enumerate(stack)])
    return Volume(np.ascontiguousarray(from_stack(values.astype(np.float32), recipe.axis)), affine, name, record.unit)


def _physical_spread(stack: np.ndarray, recipe: Recipe, n: int, affine: np.ndarray, name: str) -> Volume:
    """Normalised standard deviations (K, J, I) of source n -> float32 volume in its unit."""
    record = recipe.sources[n]
    values = np.stack([part * abs(record.normalization(k).scale * record.slope) for k, part in enumerate(stack)])
    return Volume(np.ascontiguousarray(from_stack(values.astype(np.float32), recipe.axis)), affine, name, record.unit)
