"""Slices on the canvas through a network, as they are and mirrored; the mean of both."""
import numpy as np
import torch
from torch import Tensor, nn

from FusionINNLib.methods.slice_inference import SliceInference
from FusionINNLib.outlining.canvas import with_neighbours
from FusionINNLib.progress import Progress

TASK = "looking for a lesion"


def logits_of(network: nn.Module, slices: int, images: np.ndarray, device: torch.device, progress: Progress | None = None) -> np.ndarray:
    """Logits (S, H, W) float32 of both modalities on the canvas, (2, S, H, W).

    Args:
        network: in evaluation mode; it gives an `Answer`.
        slices: neighbours that it takes of each modality.

    Raises DeviceMemoryError, Cancelled.
    """
    progress = progress or Progress()
    inference = SliceInference(network, device, progress.say)

    def step(first: Tensor, second: Tensor) -> tuple[Tensor, ...]:
        return (_mirrored_mean(inference.network, first[:, 0], second[:, 0]),)

    pair = [with_neighbours(image, slices).numpy() for image in images]
    count, at_once, parts = images.shape[1], inference.batch, list[np.ndarray]()

    def some(start: int) -> np.ndarray:
        return inference.run(step, *(image[start:start + at_once] for image in pair))[0]

    progress.step(TASK, 0, count)
    for part in inference.each(some, ((start,) for start in range(0, count, at_once))):
        parts.append(part)
        progress.step(TASK, min(count, len(parts) * at_once), count)
    return np.concatenate(parts)


def _mirrored_mean(network: nn.Module, first: Tensor, second: Tensor) -> Tensor:
    """Mean of the logits of both sides up: left and right are alike to the network then."""
    as_is = network(first, second).logits
    return (as_is + network(first.flip(-1), second.flip(-1)).logits.flip(-1)) / 2
