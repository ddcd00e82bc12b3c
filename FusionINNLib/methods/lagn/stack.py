"""Two stacks of slices through LAGN to a fused one. Stacks are (K, J, I) float32 on the nominal 0..1 scale."""
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

from FusionINNLib.errors import Cancelled
from FusionINNLib.methods.lagn.network import MULTIPLE, Lagn
from FusionINNLib.methods.slice_inference import SliceInference
from FusionINNLib.progress import Progress
from FusionINNLib.volumes.foreground import foreground

MARGIN = 8  # pixels around the head
TASK = "fusing slices"

Slices = Callable[[int], tuple[np.ndarray, np.ndarray]]


def fuse_stack(network: Lagn, device: torch.device, seed: int, slices: Slices, fused: np.ndarray, progress: Progress,
               say: Callable[[str], None]) -> None:
    """Fill `fused` (K, J, I): inside the box of the head what the network makes, outside of it the mean of both sources.

    Args:
        slices: number of a slice -> both sources (J, I) float32.
        progress: told after each slice.
        say: told in a sentence when memory was short.
    """
    for k in range(len(fused)):
        fused[k] = np.mean(slices(k), 0)
    numbers, box = _survey(slices, len(fused), fused.shape[1:])
    engine, done = SliceInference(network, device, say), 0
    progress.step(TASK, 0, len(numbers))

    def step(first: Tensor, second: Tensor, noise: Tensor) -> tuple[Tensor, ...]:
        return (engine.network(first, second, noise[:, 0])[0],)

    def fuse(some: list[int]) -> tuple[list[int], np.ndarray]:
        if engine.is_stopped:
            raise Cancelled("Stopped: nothing was written.")
        first, second = (np.stack([_padded(image[box]) for image in images]) for images in zip(*map(slices, some)))
        channels = 2 * len(network.size.steps)
        noise = np.stack([np.random.default_rng([seed, k]).standard_normal((channels, *first.shape[1:]), np.float32) for k in some])
        return some, engine.run(step, first, second, noise)[0]

    rows, columns = (part.stop - part.start for part in box)
    for some, images in engine.each(fuse, _batches(numbers, engine)):
        for k, image in zip(some, images):
            fused[k][box] = image[:rows, :columns]
        done += len(some)
        progress.step(TASK, done, len(numbers))


def _padded(image: np.ndarray) -> np.ndarray:
    """Continued by reflection below and to the right, to multiples that the network takes."""
    return np.pad(image, [(0, -side % MULTIPLE) for side in image.shape], "reflect")


def _survey(slices: Slices, count: int, shape: tuple[int, int]) -> tuple[list[int], tuple[slice, slice]]:
    """Numbers of the slices in which there is anything, and the rows and columns of all of it with a margin."""
    numbers, occupied = [], np.zeros(shape, bool)
    for k in range(count):
        head = foreground(slices(k))
        if head.any():
            numbers.append(k)
            occupied |= head
    ranges = []
    for axis in (1, 0):
        hits = np.flatnonzero(occupied.any(axis))
        ranges.append(slice(max(0, int(hits[0]) - MARGIN), int(hits[-1]) + 1 + MARGIN) if hits.size else slice(0))
    rows, columns = (slice(part.start or 0, min(part.stop, side)) for part, side in zip(ranges, shape))
    return numbers, (rows, columns)


def _batches(numbers: list[int], engine: SliceInference) -> Iterator[tuple[list[int]]]:
    start = 0
    while start < len(numbers):
        yield (numbers[start:start + engine.batch],)
        start += engine.batch
