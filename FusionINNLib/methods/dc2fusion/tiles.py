"""A whole volume through the network in overlapping tiles that are blended smoothly (MONAI's sliding window), at bounded memory."""
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from FusionINNLib.errors import DeviceMemoryError
from FusionINNLib.methods.dc2fusion.network import DC2FusionNetwork
from FusionINNLib.methods.devices import exact_float32
from FusionINNLib.methods.slice_inference import is_memory

SIDE = 64  # voxels of a tile, as trained
OVERLAP = 0.5


def tile_of(shape: tuple[int, int, int], multiple: int) -> tuple[int, int, int]:
    """Sides of a tile for a volume (k, j, i): as trained, less where the volume is smaller, multiples of what the network needs."""
    k, j, i = (min(max(SIDE, multiple), -(-size // multiple) * multiple) for size in shape)
    return k, j, i


def count(shape: tuple[int, int, int], tile: tuple[int, int, int]) -> int:
    """Number of tiles of a volume."""
    return int(np.prod([1 if size <= side else -(-(size - side) // max(1, int(side * (1 - OVERLAP)))) + 1
                        for size, side in zip(shape, tile)]))


def maps_of(network: DC2FusionNetwork, sources: np.ndarray, device: torch.device, on_tile: Callable[[int, int], None],
            say: Callable[[str], None]) -> np.ndarray:
    """Both maps (2, K, J, I) of both sources (2, K, J, I), float32.

    Args:
        network: on the CPU, in evaluation mode.
        on_tile: told before the first and after each tile, as (done, all); what it raises ends the work.
        say: told in one sentence when memory was short and the CPU is used.

    The volume stays in the computer's memory; a tile at a time is on the device. Raises DeviceMemoryError where one is too large for it.
    """
    try:
        with exact_float32():
            return _swept(network.to(device), sources, device, on_tile)
    except (MemoryError, RuntimeError) as problem:
        if not is_memory(problem):
            raise
    if device.type == "cpu":
        raise DeviceMemoryError("There is not enough memory for this volume: close other programs, or resample it to "
                                "fewer voxels.")
    say(f"Memory of {device} was too small for a tile: going on with the CPU.")
    return maps_of(network, sources, torch.device("cpu"), on_tile, say)


def _swept(network: DC2FusionNetwork, sources: np.ndarray, device: torch.device, on_tile: Callable[[int, int], None]) -> np.ndarray:
    from monai.inferers.utils import sliding_window_inference

    k, j, i = sources.shape[1:]
    tile = tile_of((k, j, i), network.size.multiple)
    done, total = 0, count((k, j, i), tile)
    on_tile(0, total)

    def through(pair: Tensor) -> Tensor:
        nonlocal done
        maps = network(pair[:, :1], pair[:, 1:])
        done += 1
        on_tile(done, total)
        return maps

    with torch.inference_mode():
        maps = sliding_window_inference(torch.from_numpy(sources)[None], tile, 1, through, overlap=OVERLAP, mode="gaussian",
                                        sw_device=device, device=torch.device("cpu"))
    return maps[0].numpy()  # type: ignore[union-attr] - a tensor, as `through` gives one
