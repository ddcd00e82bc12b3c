"""Fusion without training: average, maximum, Laplacian pyramid. What every network has to beat."""
import torch
from torch import Tensor
from torch.nn import functional as F

from training.baselines.fuser import Fuser

BINOMIAL = (1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16)
LEVELS = 4


class Average(Fuser):
    """(first + second) / 2."""

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """As `Fuser.forward`."""
        return (first + second) / 2


class Maximum(Fuser):
    """The larger of the two, pixel by pixel."""

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """As `Fuser.forward`."""
        return torch.maximum(first, second)


class LaplacianPyramid(Fuser):
    """Details by the larger magnitude, base by the mean (Burt & Adelson 1983; Burt & Kolczynski 1993, with single pixels as saliency).

    Args:
        levels: of detail, each of half the size of the one before; fewer where a side has less than 3 pixels.

    Filter: the 5-tap binomial in rows and columns, edges mirrored without repeating the outermost pixel. Details: level minus the
    enlarged next one; the one of larger magnitude is taken, the first one's where they are equal. Base: the mean. Nothing is cut to 0..1.
    """

    def __init__(self, levels: int = LEVELS):
        super().__init__()
        self.levels = levels

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """As `Fuser.forward`, any size from 3 x 3."""
        details = []
        for _ in range(self.levels):
            if min(first.shape[-2:]) < 3:
                break
            smaller_first, smaller_second = _reduce(first), _reduce(second)
            a, b = first - _expand(smaller_first, first.shape), second - _expand(smaller_second, second.shape)
            details.append(torch.where(a.abs() >= b.abs(), a, b))
            first, second = smaller_first, smaller_second
        fused = (first + second) / 2
        for detail in reversed(details):
            fused = _expand(fused, detail.shape) + detail
        return fused


def _filter(image: Tensor, gain: float) -> Tensor:
    """The binomial in rows and columns, each times `gain`; same size."""
    taps = torch.tensor(BINOMIAL, dtype=image.dtype, device=image.device) * gain
    image = F.conv2d(F.pad(image, (0, 0, 2, 2), mode="reflect"), taps.view(1, 1, 5, 1))
    return F.conv2d(F.pad(image, (2, 2, 0, 0), mode="reflect"), taps.view(1, 1, 1, 5))


def _reduce(image: Tensor) -> Tensor:
    """Half the size, rounded up: filtered, then every second pixel."""
    return _filter(image, 1.0)[..., ::2, ::2]


def _expand(image: Tensor, shape: torch.Size) -> Tensor:
    """The size in `shape`: zeros between the pixels, then filtered with twice the weight a side."""
    spread = image.new_zeros(shape)
    spread[..., ::2, ::2] = image
    return _filter(spread, 2.0)
