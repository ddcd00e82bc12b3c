"""Several processes train one run: `torchrun --nproc-per-node=N -m -- training fit ...`.

Each process takes its rows of every batch and draws, of the noise, what one process alone would have drawn for those rows; gradients are
averaged by `DistributedDataParallel`. N processes therefore train as one does, but for the rounding of sums. Networks with batch
normalisation, which only the baselines have, are the exception: each process normalises by its own rows.
"""
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.nn.functional import all_gather
from torch.nn.parallel import DistributedDataParallel

from FusionINNLib.errors import Cancelled, FusionINNError, InputError
from FusionINNLib.methods import devices

PATIENCE = timedelta(hours=6)  # the others wait while the first validates
GRACE = 3.0  # seconds in which the first process may say what all of them found


@dataclass(frozen=True)
class Workers:
    """Which of how many processes this is. All of them call the methods that talk to one another, in the same order."""

    rank: int = 0
    count: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this is the process that validates, saves and speaks."""
        return self.rank == 0

    def rows(self, size: int) -> slice:
        """This process's part of a batch of `size`. Raises InputError where the batch cannot be shared equally."""
        if size % self.count:
            raise InputError(f"A batch of {size} cannot be shared equally by {self.count} processes: choose a --set batch=N that can, "
                             "or another --nproc-per-node.")
        share = size // self.count
        return slice(self.rank * share, (self.rank + 1) * share)

    # ---- noise ---------------------------------------------------------------------------------------------------------------------

    def normal_like(self, x: Tensor) -> Tensor:
        """Standard normal noise for this process's rows x (B, ...). The generator moves on by the whole batch."""
        return self._rows_of(self._whole(x).normal_(), x)

    def uniform_like(self, x: Tensor) -> Tensor:
        """As `normal_like`, uniform in 0..1."""
        return self._rows_of(self._whole(x).uniform_(), x)

    def whole_normal_like(self, x: Tensor) -> Tensor:
        """Standard normal noise for the rows of all processes, the same in each."""
        return self._whole(x).normal_()

    def _whole(self, x: Tensor) -> Tensor:
        if self.count == 1:
            return torch.empty_like(x)
        is_last = x.is_contiguous(memory_format=torch.channels_last)
        return torch.empty((self.count * len(x), *x.shape[1:]), dtype=x.dtype, device=x.device,
                           memory_format=torch.channels_last if is_last else torch.contiguous_format)

    def _rows_of(self, whole: Tensor, x: Tensor) -> Tensor:
        return whole[self.rank * len(x):(self.rank + 1) * len(x)]

    # ---- talk ----------------------------------------------------------------------------------------------------------------------

    def gather(self, x: Tensor) -> Tensor:
        """The rows of all processes, (B, ...) -> (count * B, ...). The gradient goes back to the process that each row came from."""
        return x if self.count == 1 else torch.cat(all_gather(x.contiguous()))

    def mean(self, values: dict[str, float], device: torch.device) -> dict[str, float]:
        """The mean over all processes of each value."""
        if self.count == 1:
            return values
        numbers = torch.tensor(list(values.values()), dtype=torch.float64 if device.type == "cpu" else torch.float32, device=device)
        dist.all_reduce(numbers)
        return dict(zip(values, (numbers / self.count).tolist()))

    def told(self, value: Any) -> Any:
        """The first process's value: plain data, None in the others."""
        if self.count == 1:
            return value
        box = [value]
        dist.broadcast_object_list(box)
        return box[0]

    def parallel(self, module: nn.Module, device: torch.device) -> nn.Module:
        """A module with the same forward, whose gradients are averaged over all processes. Weights become those of the first."""
        if self.count == 1:
            return module
        return DistributedDataParallel(module, device_ids=[device] if device.type == "cuda" else None)


ALONE = Workers()


@contextmanager
def joined(device: str) -> Iterator[tuple[Workers, str]]:
    """This process among those that `torchrun` started, and its device; alone where nobody else was started.

    Args:
        device: as `models.choose_device` takes it. With several processes `cuda` means a GPU for each.

    Raises InputError and ModelError for devices that do not suffice, Cancelled where another process has ended.
    """
    count = int(os.environ["WORLD_SIZE"]) if dist.is_available() and dist.is_torchelastic_launched() else 1
    if count == 1:
        yield ALONE, str(devices.choose_device(device))
        return
    try:
        chosen = _own_device(device)
        dist.init_process_group("nccl" if chosen.type == "cuda" else "gloo", timeout=PATIENCE)
        yield Workers(dist.get_rank(), count), str(chosen)
    except FusionINNError:
        if os.environ["RANK"] != "0":
            time.sleep(GRACE)  # torchrun ends this process meanwhile if the first one ends, so that the same is not said by all
        raise
    except RuntimeError as problem:
        if not _is_left(problem):
            raise
        raise Cancelled("Another process of this run has ended, and so does this one: the other one's message says why.") from problem
    finally:
        if dist.is_initialized():
            dist.destroy_process_group()


def _own_device(name: str) -> torch.device:
    device, place = devices.choose_device(name), int(os.environ["LOCAL_RANK"])
    if device.type == "mps":
        raise InputError("Several processes cannot share an Apple GPU: choose --device cpu, or start without torchrun.")
    if device.type == "cpu":
        return device
    present, wanted = torch.cuda.device_count(), int(os.environ["LOCAL_WORLD_SIZE"])
    if device.index is not None or wanted > present:
        raise InputError(f"{wanted} processes need {wanted} GPUs, and {present} can be used: choose --nproc-per-node={present} with "
                         "--device cuda, or --device cpu.")
    torch.cuda.set_device(place)
    return torch.device("cuda", place)


def _is_left(problem: RuntimeError) -> bool:
    """Whether an error comes from a connection that another process has left."""
    return isinstance(problem, dist.DistError) or any(word in str(problem) for word in ("Connection closed by peer", "Connection reset",
                                                                                       "Broken pipe", "gloo/transport"))
