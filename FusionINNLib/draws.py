"""How an estimate draws latents, and by which way it goes back: with the digits of the fused image or without them."""
from collections.abc import Callable
from functools import partial

import numpy as np
from scipy import ndimage

from FusionINNLib.digits import DRAWN, holds_digits
from FusionINNLib.engine import Engine
from FusionINNLib.models import ModelCard
from FusionINNLib.recipe import NEAR_BACKGROUND, Recipe

ENOUGH = 500  # voxels by which a slice can be judged: of digits at random, fewer than 0.15 in the outer quarter are a matter of 5 sigma

Way = tuple[Callable, float]
"""The engine's function that goes back, and the scale of the spread that goes with it."""


def way_of_estimate(engine: Engine, card: ModelCard, y: np.ndarray, recipe: Recipe) -> Callable[[np.ndarray], Way]:
    """What tells the way of a slice (J, I) of a fused stack (K, J, I) as it was stored.

    A slice with enough head in it shows by itself whether its digits can be read: somebody may have changed only some. Others go by the
    stack as a whole.
    """
    if not card.cell:
        return lambda image: (engine.decompose, card.spread_scale)
    limit = DRAWN.reach  # from drawn latents beyond it no digit would be read
    black = recipe.background[0]
    with_digits = partial(_black_where_flat, lambda y, drawn: engine.decompose(y, drawn.clip(-limit, limit)), black, 0.0), card.spread_scale
    rounded = partial(_black_where_flat, engine.decompose_rounded, black, NEAR_BACKGROUND), card.spread_scale_rounded
    as_a_whole = holds_digits(_some_of_the_head(y, recipe), card.cell)

    def way(image: np.ndarray) -> Way:
        head = _head(image, recipe)
        return with_digits if (holds_digits(head, card.cell) if head.size >= ENOUGH else as_a_whole) else rounded

    return way


def _black_where_flat(way_back: Callable, black: float, limit: float, images: np.ndarray, drawn: np.ndarray) -> tuple[np.ndarray, ...]:
    """Sources (B, J, I) from fused images and drawn latents. Where a fused image shows flat background, so do the sources: a latent drawn
    there would only add noise. Background that was never rounded is not that flat: coring leaves its digits in it."""
    flat = ndimage.maximum_filter(np.abs(images - np.float32(black)), (1, 5, 5)) <= limit
    return tuple(np.where(flat, np.float32(0), source) for source in way_back(images, drawn))


def _some_of_the_head(y: np.ndarray, recipe: Recipe, number: int = 200_000) -> np.ndarray:
    """Evenly spaced voxels (n,) of the boxes of a fused stack (K, J, I), as many at most, that are not background."""
    apart = 1 + sum(y[box.index].size for box in recipe.boxes) // number
    return _head(np.concatenate([y[box.index].ravel()[::apart] for box in recipe.boxes]), recipe)


def _head(fused: np.ndarray, recipe: Recipe) -> np.ndarray:
    """Those of fused values of any shape that are not background, (n,)."""
    return fused[np.abs(fused - recipe.background[0]) > 0.05]


def draw(samples: int, shape: tuple[int, int], seeds: list[int]) -> np.ndarray:
    """Standard normal latents (samples, J, I) of a box, the same on every device and in any order of slices."""
    generator = np.random.Generator(np.random.PCG64(seeds))
    return generator.standard_normal((samples, *shape), dtype=np.float32)


def all_draws(way_back: Callable, batch: int, image: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """Sources (samples, 2, J, I) for each drawn latent (samples, J, I), a batch of them at a time."""
    parts = []
    start = 0
    while start < len(drawn):
        latents = drawn[start:start + batch]
        parts.append(np.stack(way_back(np.broadcast_to(image, latents.shape), latents), 1))
        start += len(latents)
    return np.concatenate(parts)
