"""Two stacks of slices through DDFM to a fused one: which slices, in what frame, on what device. Stacks are (K, J, I), scale 0..1."""
from collections.abc import Callable, Iterator
from threading import Lock

import numpy as np
import torch
from torch import Tensor

from FusionINNLib.errors import Cancelled
from FusionINNLib.methods.ddfm.prior import Prior
from FusionINNLib.methods.ddfm.sampler import Settings, noise_of_slice, sample
from FusionINNLib.methods.slice_inference import SliceInference
from FusionINNLib.progress import Progress

TASK = "fusing by diffusion steps"


def fuse_stack(prior: Prior, device: torch.device, settings: Settings, seed: int, slices: Callable[[int], tuple[np.ndarray, np.ndarray]],
               fused: np.ndarray, progress: Progress, say: Callable[[str], None]) -> None:
    """Fill `fused` (K, J, I).

    A slice in which both sources are the same everywhere, such as an empty one, is that image: what the steps would give but for rounding.

    Args:
        slices: number of a slice -> both sources (J, I) float32.
        progress: told after each step for how many slices and steps it was.
        say: told in a sentence when memory was short.
    """
    numbers, occupied = _survey(slices, len(fused), fused.shape[1:])
    for k in set(range(len(fused))) - set(numbers):
        fused[k] = slices(k)[0]
    if not numbers:
        return
    progress.step(TASK, 0, len(numbers) * settings.steps)
    frame, placed = prior.placed(fused.shape[1:], occupied)
    engine = SliceInference(placed, device, say)
    tell = _Steps(engine, progress, len(numbers) * settings.steps)

    def step(first: Tensor, second: Tensor, which: Tensor) -> tuple[Tensor, ...]:
        noise = [noise_of_slice(seed, int(k)) for k in which.flatten().tolist()]
        return (sample(first, second, engine.network, settings, noise, tell.on_step).fused,)

    def fuse(some: list[int]) -> tuple[list[int], np.ndarray]:
        first, second = (np.stack([frame.cut(image, 0.0) for image in images]) for images in zip(*map(slices, some)))
        return some, engine.run(step, 2 * first - 1, 2 * second - 1, np.array(some))[0]

    for some, images in engine.each(fuse, _batches(numbers, engine)):
        for k, image in zip(some, images):
            fused[k] = frame.pasted((image + 1) / 2, outside=np.mean(slices(k), 0))
            if settings.stretch:
                fused[k] = (fused[k] - fused[k].min()) / max(float(np.ptp(fused[k])), 1e-6)


class _Steps:
    """Counts steps of slices that several threads work on, and ends them where nobody waits any more."""

    def __init__(self, engine: SliceInference, progress: Progress, total: int):
        self._engine, self._progress, self._total = engine, progress, total
        self._lock, self._done = Lock(), 0

    def on_step(self, images: int) -> None:
        """One step more for some slices; a batch that is begun anew with less memory counts no further than the end."""
        if self._engine.is_stopped:
            raise Cancelled("Stopped: nothing was written.")
        with self._lock:
            self._done = min(self._done + images, self._total)
            self._progress.step(TASK, self._done, self._total)


def _survey(slices: Callable[[int], tuple[np.ndarray, np.ndarray]], count: int,
            shape: tuple[int, int]) -> tuple[list[int], tuple[slice, slice]]:
    """Numbers of the slices in which the sources differ, and the rows and columns that hold anything in any of those."""
    numbers, occupied = [], np.zeros(shape, bool)
    for k in range(count):
        first, second = slices(k)
        if not np.array_equal(first, second):
            numbers.append(k)
            occupied |= (first != 0) | (second != 0)
    return numbers, (_range(np.flatnonzero(occupied.any(1))), _range(np.flatnonzero(occupied.any(0))))


def _range(found: np.ndarray) -> slice:
    """From the first to the last of ascending numbers; empty where there is none."""
    return slice(int(found[0]), int(found[-1]) + 1) if found.size else slice(0)


def _batches(numbers: list[int], engine: SliceInference) -> Iterator[tuple[list[int]]]:
    start = 0
    while start < len(numbers):
        yield (numbers[start:start + engine.batch],)
        start += engine.batch

