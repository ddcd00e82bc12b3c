"""Both ways back: exactly, with the latent image; as an estimate, from the grey levels alone."""
from dataclasses import dataclass

import numpy as np

from FusionINNLib.errors import ResultError
from FusionINNLib.methods.rdh import between_levels
from FusionINNLib.methods.rdh.codec import Layout, difference_of, is_rest_seen
from FusionINNLib.methods.rdh.error_bytes import from_bytes
from FusionINNLib.methods.rdh.latent import crc_of, unpacked
from FusionINNLib.methods.rdh.record import RdhRecord, record_of
from FusionINNLib.methods.rdh.stored_levels import whole_levels
from FusionINNLib.results import kept_apart
from FusionINNLib.results.estimate_images import ESTIMATE_IMAGES, EXACT_IMAGES
from FusionINNLib.results.recipe import Recipe, restore_not_finite
from FusionINNLib.results.records import Estimate
from FusionINNLib.results.trust import Trust
from FusionINNLib.volumes.volume import Volume

LOST = ("In {:.0%} of the head the fused image is not as it was written, as its checksums say: where what was hidden is lost, both "
        "estimates show the fused image, with the spread that belongs to that.")
CHANGED = ("In dark parts, where nothing is hidden, the fused image is not as it was written, as its checksums say: there both estimates "
           "show the fused image.")
ROUNDED = ("The fused image is stored in other numbers than it was written in: by its checksums its grey levels hold what they held, and "
           "what lay between them counts for as much as is left of it.")


@dataclass(frozen=True, eq=False)
class Read:
    """What was read from a fused image, on the nominal scale. estimates: (2, k, j, i). y: (k, j, i), the fused image. known, seen: of the
    coded cubes, see `codec.difference_of`. rest: of the others, see `codec.is_rest_seen`."""

    estimates: np.ndarray
    y: np.ndarray
    known: np.ndarray
    seen: np.ndarray
    rest: np.ndarray

    @property
    def is_as_written(self) -> bool:
        """Whether every voxel shows what was written, and what is hidden in it was read."""
        return bool(self.known.all() and self.seen.all() and self.rest.all())


def read(values: np.ndarray, record: RdhRecord) -> Read:
    """What the values (k, j, i) of a fused image on the nominal scale hold."""
    layout = record.layout
    real = layout.grey.to_levels(values)
    levels = whole_levels(real)
    rest = is_rest_seen(levels, layout)
    difference, known, seen = np.zeros(values.shape), np.zeros(0, bool), np.zeros(0, bool)
    if layout.base.any():
        difference, known, seen = difference_of(levels, layout)
    as_written = _by_cube(_of_all(seen, rest, layout), layout)
    y = np.where(as_written, layout.grey.to_values(levels), values).astype(np.float64)
    return Read(np.stack([y + difference / 2, y - difference / 2]), y, known, seen, rest)


def decompose(fused: Volume, latent: Volume, recipe: Recipe) -> tuple[Volume, Volume]:
    """Both sources. Raises ResultError where the fused image or the latent is not the one that was written."""
    record = record_of(recipe)
    values = fused.values.astype(np.float32)
    found = read(values, record)
    if not found.is_as_written:
        raise ResultError("The fused image was changed since it was written, as its checksums say: use the file that was written, or ask "
                          "for an estimate.")
    if crc_of(latent.values.astype(np.float64)) != record.packing.crc:
        raise ResultError("The latent image is not the one that was written with this fused image, as its checksum says: use that one, or "
                          "ask for an estimate.")
    volumes = []
    errors = unpacked(latent.values.astype(np.float64), record.packing.units)
    for n, (image, source) in enumerate(zip(EXACT_IMAGES, recipe.sources)):
        nominal = found.estimates[n] + errors[n]
        dtype = np.dtype(source.dtype)
        if dtype.kind == "f":
            nominal[np.abs(nominal) <= record.packing.units[n]] = 0
        array = source.normalization(0).undo_as(nominal, dtype)
        if record.packing.whole[n] and dtype.kind == "f":
            array = np.rint(array)
        restore_not_finite(array, source.not_finite)
        kept_apart.restore(array, source.kept_apart)
        volumes.append(Volume(array, fused.affine, image.name, source.unit, source.slope, source.intercept))
    return volumes[0], volumes[1]


def estimate(fused: Volume, recipe: Recipe) -> Estimate:
    """Both sources with the standard deviation of their error, which was measured in each cube when the image was written."""
    record = record_of(recipe)
    values = fused.values.astype(np.float32)
    found = read(values, record)
    estimates, spreads = _refined(found, values, record)
    stacks = [_physical(estimates[n], recipe, n) for n in range(2)]
    scales = [abs(source.normalization(0).scale * source.slope) for source in recipe.sources]
    stacks += [(spread * scale).astype(np.float32) for spread, scale in zip(spreads, scales)]
    stacks += [(estimates.mean(0) - values).astype(np.float32)]
    units = [source.unit for source in recipe.sources]
    first, second, first_spread, second_spread, cycle = (Volume(stack, fused.affine, image.name, image.unit_of(units))
                                                         for image, stack in zip(ESTIMATE_IMAGES, stacks))
    trust, warnings = _told(found, values, record)
    return Estimate(first, second, first_spread, second_spread, cycle, warnings, trust)


def is_as_written(values: np.ndarray, record: RdhRecord) -> bool:
    """Whether a fused image (k, j, i) is the one that was written, to its last digit."""
    if record.between:
        return np.array_equal(between_levels.checksums(values.astype(np.float32), record.layout), record.between.checksums)
    grey = record.layout.grey
    return np.array_equal(grey.to_values(whole_levels(grey.to_levels(values))), values)


def _refined(found: Read, values: np.ndarray, record: RdhRecord) -> tuple[np.ndarray, np.ndarray]:
    """Both estimates and their spreads (2, k, j, i), with what is known from between the levels."""
    estimates, spreads, layout = found.estimates, _spreads(found, record), record.layout
    if not record.between:
        return estimates, spreads
    real = layout.grey.to_levels(values)
    right = _of_all(found.seen & found.known, found.rest, layout)
    same = between_levels.checksums(values, layout) == record.between.checksums
    common, apart, variance = between_levels.refined(real, whole_levels(real), right, same, record.between, layout)
    has_more = np.isfinite(variance)
    estimates = estimates + np.where(has_more, np.stack([common + apart / 2, common - apart / 2]), 0)
    return estimates, np.where(has_more, np.sqrt(variance), spreads)


def _of_all(coded: np.ndarray, rest: np.ndarray, layout: Layout) -> np.ndarray:
    """Bool (all cubes,) from those of the coded ones and of the others."""
    result = np.ones(len(layout.base), bool)
    result[layout.order], result[layout.rest] = coded, rest
    return result


def _told(found: Read, values: np.ndarray, record: RdhRecord) -> tuple[Trust, tuple[str, ...]]:
    if not (found.known.all() and found.seen.all()):
        lost = ~(found.known & found.seen)
        return Trust.DAMAGED, (LOST.format(max(float(lost.mean()), 0.01)),)
    if not found.rest.all():
        return Trust.DAMAGED, (CHANGED,)
    return (Trust.AS_WRITTEN, ()) if is_as_written(values, record) else (Trust.ROUNDED, (ROUNDED,))


def _spreads(found: Read, record: RdhRecord) -> np.ndarray:
    """(2, k, j, i): what was measured in each cube; the fused image's own error where nothing hidden is left, and in cubes that look
    otherwise than they were written that change too."""
    layout, cubes = record.layout, record.layout.cubes
    errors = from_bytes(record.errors[:3])
    variance = errors[:2] ** 2
    known, seen = _of_all(found.known, np.ones(len(layout.rest), bool), layout), _of_all(found.seen, found.rest, layout)
    variance[:, ~known] = errors[2, ~known] ** 2
    mean = cubes.cut(layout.grey.to_levels(found.y)).mean((1, 2, 3))
    variance += np.where(seen, 0, ((mean - record.errors[3]) * layout.grey.step) ** 2)
    spread = np.sqrt(np.stack([_by_cube(one, layout) for one in variance]))
    dark = whole_levels(layout.grey.to_levels(found.y)) == layout.grey.zero
    black = np.stack([_by_cube(one, layout) for one in from_bytes(record.errors[4:])])
    return np.where(dark & _by_cube(seen, layout), black, spread)


def _by_cube(numbers: np.ndarray, layout) -> np.ndarray:
    """(cubes,) -> (k, j, i)."""
    return layout.cubes.joined(np.broadcast_to(numbers[:, None, None, None], (len(numbers), 8, 8, 8)))


def _physical(nominal: np.ndarray, recipe: Recipe, n: int) -> np.ndarray:
    source = recipe.sources[n]
    return (source.normalization(0).undo(nominal) * source.slope + source.intercept).astype(np.float32)
