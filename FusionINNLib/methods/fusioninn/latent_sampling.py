"""How an estimate draws latents, and by which way it goes back: with the digits of the fused image or without them."""
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
from scipy import ndimage

from FusionINNLib.methods.fusioninn.card import FusionINNCard
from FusionINNLib.methods.fusioninn.digits import OUTER, changed_places, changed_share, holds_digits, readable
from FusionINNLib.methods.fusioninn.inference import Engine
from FusionINNLib.methods.fusioninn.record import NEAR_BACKGROUND, FusionRecord
from FusionINNLib.methods.fusioninn.written_scale import READABLE, SHADE, rounding_step

ENOUGH = 500  # voxels by which a slice can be judged: of digits at random, fewer than 0.15 in the outer quarter are a matter of 5 sigma


class Way(NamedTuple):
    """How a slice is estimated.

    back: the engine's function. scale: of the spread that goes with it, one, or one of each voxel. places: bool (J, I), or one for all
    voxels: where digits that the model leaves in a fused image are lost. step: in which the fused image was stored; the draws differ by it.
    near: (J, I), or one for all voxels: how an error that the draws do not show is distributed, as a variance in any unit.
    """

    back: Callable
    scale: float | np.ndarray
    places: bool | np.ndarray
    step: float = 0.0
    near: float | np.ndarray = 1.0

    @property
    def lost(self) -> bool:
        """Whether digits are lost, at least in a part of the slice."""
        return bool(np.any(self.places))


def way_of_estimate(engine: Engine, card: FusionINNCard, y: np.ndarray, record: FusionRecord) -> Callable[[tuple, bool], Way]:
    """What tells the way of the box with an index (k, rows, columns) of a fused stack (K, J, I) as it was stored, and whether a checksum
    says that it is as it was written: then its digits are read, whatever they look like.

    Another slice with enough head in it shows by itself whether its digits can be read: somebody may have changed only some. Others go by
    the stack as a whole. Where only a part of a slice was changed, only that part is estimated without digits.
    """
    if not card.cell:
        return lambda index, is_written: Way(engine.decompose, card.spread_scale, False)
    black = record.background[0]
    step = rounding_step(y)
    rounded = Way(partial(_black_where_flat, engine.decompose_rounded, black, NEAR_BACKGROUND), card.spread_scale_rounded, True)
    as_a_whole = holds_digits(_some_of_the_head(y, record), card.cell)

    def way(index: tuple, is_written: bool) -> Way:
        read = partial(_black_where_flat, partial(_read, engine, record.spots.within(index)), black, 0.0)
        if is_written:
            return Way(read, card.spread_scale, False)
        image = y[index]
        inside = _is_head(image, record)
        head = image[inside]
        if step > READABLE * card.cell or not (holds_digits(head, card.cell) if head.size >= ENOUGH else as_a_whole):
            return rounded
        with_digits = Way(read, card.spread_scale, False, step if step <= READABLE * card.cell else 0.0)
        share = changed_share(image, inside, card.cell)
        changed = changed_places(share)
        return _where(changed, share, rounded, with_digits) if changed.any() else with_digits

    return way


def _read(engine: Engine, spots: tuple[np.ndarray, np.ndarray, np.ndarray], y: np.ndarray, drawn: np.ndarray) -> tuple[np.ndarray, ...]:
    """Sources (B, J, I) from fused images and drawn latents, with the latents of spots in their places."""
    latents, (rows, columns, known) = readable(drawn), spots
    latents[:, rows, columns] = known
    return engine.decompose(y, latents)


def _where(places: np.ndarray, share: np.ndarray, there: Way, elsewhere: Way) -> Way:
    """One way for some places (J, I) of a slice, another one for the rest; by the share of digits that are none, errors are near them."""

    def way_back(images: np.ndarray, drawn: np.ndarray) -> tuple[np.ndarray, ...]:
        return tuple(np.where(places, *sources) for sources in zip(there.back(images, drawn), elsewhere.back(images, drawn)))

    return Way(way_back, np.where(places, np.float32(there.scale), np.float32(elsewhere.scale)), places, elsewhere.step,
               np.maximum(share - OUTER, 0) ** 2)


def what_was_lost(lost: list[bool]) -> tuple[str, ...]:
    """A sentence on the slices of a fused image, which have lost digits or not; none where all are as they were written."""
    if not any(lost):
        return ()
    if 2 * sum(lost) > len(lost):
        return ("The last digits of the fused image are not those of one as it was written: it was rounded, smoothed, resampled or changed "
                "since, so the estimate is less precise and its spread larger.",)
    return (f"{sum(lost)} of {len(lost)} slices of the fused image were changed since it was written, at least in part: the estimate is "
            "less precise there and its spread larger.",)


def what_is_bare(number: int, count: int) -> tuple[str, ...]:
    """A sentence on slices that hold nothing hidden any more; none where there are none of them."""
    if not number:
        return ()
    return (f"In {number} of {count} slices nothing that was hidden is left: both estimates show the fused image itself there, and their "
            "spread is as large as the sources differ from it.",)


def _black_where_flat(way_back: Callable, black: float, limit: float, images: np.ndarray, drawn: np.ndarray) -> tuple[np.ndarray, ...]:
    """Sources (B, J, I) from fused images and drawn latents. Where a fused image shows flat background, so do the sources: a latent drawn
    there would only add noise. Background that was never rounded is not that flat: coring leaves its digits in it."""
    flat = ndimage.maximum_filter(np.abs(images - np.float32(black)), (1, 5, 5)) <= limit
    return tuple(np.where(flat, np.float32(0), source) for source in way_back(images, drawn))


def _some_of_the_head(y: np.ndarray, record: FusionRecord, number: int = 200_000) -> np.ndarray:
    """Evenly spaced voxels (n,) of the boxes of a fused stack (K, J, I), as many at most, that are not background."""
    apart = 1 + sum(y[box.index].size for box in record.boxes) // number
    some = np.concatenate([y[box.index].ravel()[::apart] for box in record.boxes])
    return some[_is_head(some, record)]


def _is_head(fused: np.ndarray, record: FusionRecord) -> np.ndarray:
    """Which of fused values of any shape are not background."""
    return np.abs(fused - record.background[0]) > 0.05


def draw(samples: int, shape: tuple[int, int], seeds: list[int]) -> np.ndarray:
    """Standard normal latents (samples, J, I) of a box, the same on every device and in any order of slices."""
    generator = np.random.Generator(np.random.PCG64(seeds))
    return generator.standard_normal((samples, *shape), dtype=np.float32)


def within_steps(image: np.ndarray, step: float, samples: int, seeds: list[int]) -> np.ndarray:
    """A fused image (J, I) as it may have been before it was rounded to steps, (samples, J, I): itself as often where there was none."""
    images = np.broadcast_to(image, (samples, *image.shape))
    if not step:
        return images
    generator = np.random.Generator(np.random.PCG64([*seeds, 1]))
    moved = images + np.float32(step) * (generator.random(images.shape, dtype=np.float32) - np.float32(0.5))
    return np.where(np.abs(images) > SHADE, moved, images)


def all_draws(way_back: Callable, batch: int, images: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """Sources (samples, 2, J, I) for each image and drawn latent (samples, J, I), a batch of them at a time."""
    parts = []
    start = 0
    while start < len(drawn):
        latents = drawn[start:start + batch]
        parts.append(np.stack(way_back(images[start:start + batch], latents), 1))
        start += len(latents)
    return np.concatenate(parts)
