"""How CSAD joins the deepest features of both modalities: the correlated fusion of the paper, and the two earlier ways of its file."""
from collections.abc import Callable

import torch
from torch import Tensor, nn

from FusionINNLib.outlining.blocks import normalisation

EMBEDDED = 64  # channels in which correlations are measured, as in the model file


class CorrelatedFusion(nn.Module):
    """SCFF: what of one modality is correlated with each place of the other (model file). (B, C, h, w) twice -> (B, 2C, h, w).

    With N pixels and shared phi = [1x1 convolution, norm, ReLU], M = phi(X1)^T phi(X2) (N x N), Y1 = X1 M, Y2 = X2 M^T; both together
    go through a 1x1 convolution, norm and ReLU. No residual, no softmax, as published.

    Args:
        is_divided: M / N, as non-local networks do (Wang et al. 2018), for other norms than that of batches; ours.
    """

    def __init__(self, channels: int, norm: str, is_divided: bool = False):
        super().__init__()
        self.is_divided = is_divided
        self.phi = nn.Sequential(nn.Conv2d(channels, EMBEDDED, 1, bias=False), normalisation(norm, EMBEDDED), nn.ReLU(inplace=True))
        self.out = nn.Sequential(nn.Conv2d(2 * channels, 2 * channels, 1, bias=False), normalisation(norm, 2 * channels),
                                 nn.ReLU(inplace=True))

    def correlated(self, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
        """Y1 and Y2, each (B, C, h, w). Exchanging the modalities exchanges them."""
        matrix = self.phi(first).flatten(2).transpose(1, 2) @ self.phi(second).flatten(2)
        if self.is_divided:
            matrix = matrix / matrix.shape[1]
        return ((first.flatten(2) @ matrix).view_as(first), (second.flatten(2) @ matrix.transpose(1, 2)).view_as(second))

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """(B, 2C, h, w)."""
        return self.out(torch.cat(self.correlated(first, second), 1))


class ShuffleFusion(nn.Module):
    """An earlier variant of the model file: channels of both interleaved, a 3-D convolution over them as a gate, g x + x."""

    def __init__(self, channels: int, norm: str, is_divided: bool = False):
        super().__init__()
        self.gate = nn.Conv3d(1, 1, 3, padding=1)

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """(B, 2C, h, w)."""
        mixed = torch.stack([first, second], 2).flatten(1, 2)
        return mixed + mixed * self.gate(mixed[:, None])[:, 0].sigmoid()


class PlainFusion(nn.Module):
    """Both beside one another."""

    def __init__(self, channels: int, norm: str, is_divided: bool = False):
        super().__init__()

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """(B, 2C, h, w)."""
        return torch.cat([first, second], 1)


FUSIONS: dict[str, Callable[[int, str, bool], nn.Module]] = {"scff": CorrelatedFusion, "shuffle": ShuffleFusion, "concat": PlainFusion}
"""Name, as the setting `fusion` has it -> module of (channels of one, norm, is_divided)."""
