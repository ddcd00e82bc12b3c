"""Whether both contrasts look as if they had been given in the other order, by how sure the network is of either.

A network that knows T1 with contrast first and FLAIR second finds less to be sure of where it is shown them the other way round.
"""
import numpy as np
import torch
from torch import nn

from FusionINNLib.outlining.canvas import shown
from FusionINNLib.outlining.logits import logits_of
from FusionINNLib.progress import Progress

SLICES = 24  # at least, of those that there are, are looked at
PERCENTILE = 99  # of the logits in the head: what the network is surest of, whatever the size of a lesion
MARGIN = 2.0
"""Of logits, by which it must be surer of the other order: none of 58 patients was, who were held back from their network."""


def surer_as_given(network: nn.Module, slices: int, images: np.ndarray, logits: np.ndarray, device: torch.device,
                   progress: Progress | None = None) -> float:
    """By how many logits the network is surer of images (2, S, H, W) as they are than exchanged.

    Args:
        slices, device, progress: as of `logits_of`. logits: what that gave, (S, H, W).

    Raises DeviceMemoryError, Cancelled.
    """
    step = 1 if slices > 1 else max(1, images.shape[1] // SLICES)  # where neighbours count, none may be left out
    some = images[:, ::step]
    head = shown(some)
    if not head.any():
        return 0.0
    other = logits_of(network, slices, np.ascontiguousarray(some[::-1]), device, progress)
    return float(np.percentile(logits[::step][head], PERCENTILE) - np.percentile(other[head], PERCENTILE))


def looks_exchanged(surer: float) -> bool:
    """Whether that is said to the user."""
    return surer < -MARGIN
