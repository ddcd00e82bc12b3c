"""Batches of slices through a network on a device, in float32 without shortcuts, with a way out when memory is short."""
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext

import numpy as np
import torch
from torch import Tensor, nn

from FusionINNLib.errors import DeviceMemoryError
from FusionINNLib.methods.devices import exact_float32

GPU_BATCH = 16  # slices at a time; a CPU is fastest with one, whose layers stay in its cache


class SliceInference:
    """A network on a device. Arrays in and out are float32 (B, H, W) a channel.

    Args:
        network: on the CPU, in evaluation mode.
        device: where to compute.
        say: told in one sentence when memory was short and something slower is used.
    """

    def __init__(self, network: nn.Module, device: torch.device, say: Callable[[str], None] = lambda sentence: None):
        self.network, self.device, self.say = network.to(device), device, say
        self.batch = 1 if device.type == "cpu" else GPU_BATCH
        self.is_stopped = False  # nobody waits for the results of `each` any more: a long step may look, and end itself

    def each(self, step: Callable, inputs: Iterable[tuple]) -> Iterator:
        """`step(*arguments)` for each of the inputs, results in their order.

        On a CPU as many slices are under way as torch has threads, each on one: threads that share one slice wait for each other at every
        layer, and wait very long where another program wants the cores too.
        """
        workers = torch.get_num_threads() if self.device.type == "cpu" else 1
        if workers == 1:
            for arguments in inputs:
                yield step(*arguments)
            return
        with ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            under_way: deque = deque()
            self.is_stopped = False
            try:
                for arguments in inputs:
                    under_way.append(pool.submit(step, *arguments))
                    if len(under_way) > workers:
                        yield under_way.popleft().result()
                while under_way:
                    yield under_way.popleft().result()
            finally:
                self.is_stopped = True
                pool.shutdown(cancel_futures=True)
                torch.set_num_threads(workers)

    def run(self, step: Callable[..., tuple[Tensor, ...]], *inputs: np.ndarray) -> tuple[np.ndarray, ...]:
        """`step` on all of a batch, in parts of as many slices as memory has allowed so far.

        Args:
            step: as many tensors (B, 1, ...) on the device as there are inputs -> images (B, 1, H, W).
            inputs: (B, ...), images (B, H, W) float32 mostly.
        """
        parts, start, count = [], 0, len(inputs[0])
        while start < count:
            part = slice(start, start + self.batch)
            done = self._try(step, *(one[part] for one in inputs))
            if done is None:
                self._use_less_memory(len(inputs[0][part]))
            else:
                parts.append(done)
                start += len(done[0])
        return parts[0] if len(parts) == 1 else tuple(np.concatenate(images) for images in zip(*parts))

    def _try(self, step: Callable[..., tuple[Tensor, ...]], *inputs: np.ndarray) -> tuple[np.ndarray, ...] | None:
        """What `step` gives, None where there was not enough memory for it."""
        try:
            with torch.inference_mode(), exact_float32() if self.device.type == "cuda" else nullcontext():
                return tuple(out[:, 0].cpu().numpy() for out in step(*(torch.tensor(x)[:, None].to(self.device) for x in inputs)))
        except (MemoryError, RuntimeError) as problem:  # torch's own kind is a RuntimeError
            if not is_memory(problem):
                raise
        return None  # outside of `except`, so that the failed attempt's tensors are gone

    def _use_less_memory(self, failed: int) -> None:
        """Fewer slices at a time than just failed, then the CPU. Raises DeviceMemoryError where nothing less is left."""
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        if failed > 1:
            self.batch = max(1, failed // 2)
            self.say(f"Memory of {self.device} was short: going on with {self.batch} slice(s) at a time.")
        elif self.device.type != "cpu":
            self.say(f"Memory of {self.device} was too small for one slice: going on with the CPU.")
            self.device = torch.device("cpu")
            self.network = self.network.to(self.device)
        else:
            raise DeviceMemoryError("There is not enough memory for one slice: close other programs, "
                                    "or resample the volumes to fewer voxels.")


def is_memory(problem: BaseException) -> bool:
    """Whether a failure means that memory was short."""
    text = str(problem).lower()
    return isinstance(problem, (torch.cuda.OutOfMemoryError, MemoryError)) or "out of memory" in text or "can't allocate memory" in text
