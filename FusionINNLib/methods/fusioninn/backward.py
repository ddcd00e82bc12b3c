"""The two ways back of FusionINN: exactly, with the latent that was saved; as an estimate, with drawn ones. Stacks are (K, J, I)."""
import numpy as np

from FusionINNLib.errors import ResultError
from FusionINNLib.methods.boxes import Box, batches
from FusionINNLib.methods.fusioninn.card import FusionINNCard
from FusionINNLib.methods.fusioninn.forward import run_all
from FusionINNLib.methods.fusioninn.fused_file import restore_background
from FusionINNLib.methods.fusioninn.inference import Engine
from FusionINNLib.methods.fusioninn.known_error import CHANGED, ROUNDED, UNSURE, SliceBelief, believed, near_black_alone, settle
from FusionINNLib.methods.fusioninn.latent_sampling import all_draws, draw, way_of_estimate, what_is_bare, what_was_lost, within_steps
from FusionINNLib.methods.fusioninn.outside import spread_outside, what_is_outside
from FusionINNLib.methods.fusioninn.record import FusionRecord, record_of
from FusionINNLib.methods.fusioninn.sketch import checksum, error_by_sketch
from FusionINNLib.methods.fusioninn.written_scale import rounding_step
from FusionINNLib.preprocessing.slicing import from_stack, to_stack
from FusionINNLib.progress import Progress
from FusionINNLib.results import kept_apart
from FusionINNLib.results.estimate_images import ESTIMATE_IMAGES, EXACT_IMAGES
from FusionINNLib.results.recipe import Recipe, restore_not_finite
from FusionINNLib.results.records import Estimate
from FusionINNLib.results.trust import Trust
from FusionINNLib.volumes.volume import Volume

LOOKED_AT = 8  # slices by which it is seen whether fused image and latent belong together
NOT_THESE = 0.005  # root mean square error of sources, on the nominal scale, from which they do not; the way back errs by 1e-6

# ---- exactly ---------------------------------------------------------------------------------------------------------------------


def decompose(engine: Engine, fused: Volume, latent: Volume, recipe: Recipe, progress: Progress) -> tuple[Volume, Volume]:
    """Both sources on the grid of the fused image. Integers that were not resampled come back identical, others to 1e-5 of their range.

    Raises ResultError where what comes out is not what was fused, by the sketches in the record; those of version 0.1.0 have none.
    """
    record = record_of(recipe)
    looked_at, errors = set(record.boxes[::max(1, len(record.boxes) // LOOKED_AT)]), list[float]()
    y, z = (to_stack(volume.array, recipe.axis) for volume in (fused, latent))
    arrays = tuple(np.empty(recipe.shape, np.dtype(source.dtype)) for source in recipe.sources)
    stacks = tuple(to_stack(array, recipe.axis) for array in arrays)
    for k in range(len(y)):
        _store(stacks, recipe, (k,), k, *_outside(y[k], z[k], record.background))

    def decompose_batch(batch: list[Box]) -> int:
        for box, x1, x2 in zip(batch, *engine.decompose(*(_cut(stack, batch) for stack in (y, z)))):
            _store(stacks, recipe, box.index, box.k, x1, x2)
            if box in looked_at and record.sketches is not None:
                errors.append(error_by_sketch(np.stack([x1, x2]), record.numbers[box.k] if record.numbers else box.k,
                                              record.sketches.projections[box.k]))
        return len(batch)

    run_all(engine, decompose_batch, batches(list(record.boxes), engine.batch), "decomposing slices", len(record.boxes), progress)
    if errors and not float(np.median(errors)) < NOT_THESE:
        raise ResultError("Fused image and latent do not belong together: what comes out of them is not what was fused. Use what one "
                          "fusion wrote.")
    volumes = []
    for image, array, source in zip(EXACT_IMAGES, arrays, recipe.sources):
        restore_not_finite(array, source.not_finite)
        kept_apart.restore(array, source.kept_apart)
        volumes.append(Volume(array, fused.affine, image.name, source.unit, source.slope, source.intercept))
    return volumes[0], volumes[1]


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


# ---- as an estimate --------------------------------------------------------------------------------------------------------------


def estimate(engine: Engine, card: FusionINNCard, fused: Volume, recipe: Recipe, samples: int, seed: int, numbers: list[int] | None,
             progress: Progress) -> Estimate:
    """Both sources as the network believes them to be, from the fused image alone: mean and standard deviation over drawn latents.

    Where the digits that were exchanged last are lost (8 bit, smoothing, resampling), what the learned layers hid is all there is.
    The spread is that standard deviation times the factor by which, on the model's training patients, it falls short of the true error
    (`spread_scale` and `spread_scale_rounded` of the card): what a user takes for the uncertainty is to be as large as the error on
    average.
    """
    record = record_of(recipe)
    y = _readable(fused, recipe, record)
    mean, spread = (np.zeros((2, *y.shape), np.float32) for _ in range(2))
    cycle = np.zeros(y.shape, np.float32)
    way_of, lost = way_of_estimate(engine, card, y, record), {}
    beliefs: dict[int, SliceBelief] = {}
    misfits: list[float] = []  # of slices that are not as they were written, by their checksums
    mean[:] = y - np.float32(record.background[0])  # outside of the boxes both sources are what the fused image shows

    def estimate_slice(box: Box) -> int:
        image = y[box.index]
        number = numbers[box.k] if numbers else box.k
        drawn = draw(samples, box.shape, [seed, number])
        is_written = record.sketches is not None and checksum(image) == record.sketches.checksums[box.k]
        way = way_of(box.index, is_written)
        lost[box.k] = way.lost
        images = within_steps(image, way.step, samples, [seed, number])
        draws = all_draws(way.back, engine.batch, images, drawn)  # (samples, 2, J, I)
        (k, rows, columns), average = box.index, draws.mean(0)
        mean[:, k, rows, columns], spread[:, k, rows, columns] = average, way.scale * draws.std(0, ddof=min(1, samples - 1))
        if record.sketches is not None and card.cell and not is_written:
            seen = image - np.float32(record.background[0])
            belief = believed(box.index, mean, spread, seen, way, record.sketches.projections[k], number, card.cell)
            misfits.append(float(belief.misfit.mean()))
            lost[k] = way.lost or misfits[-1] > CHANGED
            beliefs[k] = belief if lost[k] or way.step or misfits[-1] > UNSURE else near_black_alone(belief)
        cycle[box.index] = engine.fuse(average[:1], average[1:])[0][0] - image
        return 1

    run_all(engine, estimate_slice, record.boxes, "estimating slices", len(record.boxes), progress)
    bare = settle(beliefs)
    beside = spread_outside(mean, spread, record.boxes)
    stacks = [*(_physical(mean[n], recipe, n) for n in range(2)), *(_physical_spread(spread[n], recipe, n) for n in range(2)), cycle]
    units = [source.unit for source in recipe.sources]
    first, second, first_spread, second_spread, cycle_error = (
        Volume(np.ascontiguousarray(from_stack(stack, recipe.axis)), fused.affine, image.name, image.unit_of(units))
        for image, stack in zip(ESTIMATE_IMAGES, stacks))
    warnings = (*what_was_lost(list(lost.values())), *what_is_bare(len(bare), len(lost)), *what_is_outside(beside))
    trust = _trust(any(lost.values()), bool(bare), misfits, rounding_step(y) > 0) if card.cell else Trust.UNKNOWN
    return Estimate(first, second, first_spread, second_spread, cycle_error, warnings, trust)


def _trust(lost: bool, bare: bool, misfits: list[float], in_steps: bool) -> Trust:
    """What became of a fused image whose model leaves digits in it: what storing in integers explains is no damage."""
    explained = in_steps and not bare and (not misfits or max(misfits) <= CHANGED and float(np.median(misfits)) <= ROUNDED)
    if lost and not explained:
        return Trust.DAMAGED
    return Trust.ROUNDED if in_steps or misfits else Trust.AS_WRITTEN


def _readable(fused: Volume, recipe: Recipe, record: FusionRecord) -> np.ndarray:
    """The stack (K, J, I) float32 of a fused image, whose background rounding to integers may have moved."""
    values = fused.values.astype(np.float32)
    if fused.array.dtype.kind != "f":
        restore_background(values, record.background[0])
    return to_stack(values, recipe.axis)


def _physical(stack: np.ndarray, recipe: Recipe, n: int) -> np.ndarray:
    """Normalised slices (K, J, I) of source n -> physical values, float32."""
    record = recipe.sources[n]
    values = np.stack([record.normalization(k).undo(part) * record.slope + record.intercept for k, part in enumerate(stack)])
    return values.astype(np.float32)


def _physical_spread(stack: np.ndarray, recipe: Recipe, n: int) -> np.ndarray:
    """Normalised standard deviations (K, J, I) of source n -> in its unit, float32."""
    record = recipe.sources[n]
    values = np.stack([part * abs(record.normalization(k).scale * record.slope) for k, part in enumerate(stack)])
    return values.astype(np.float32)
