"""The losses of the published training (Kumar et al. 2024, section 3, Eqs. 2-4): as the authors' code has them, and as they are printed.

Both look at the same `Passes` through the network and weigh the same three parts, whose sum is minimised:

    fused      alpha (lambda L_ssim + (1 - lambda) L_l2)           fused image against both sources                         (Eqs. 2, 3)
    latent     alpha MMD(z, N(0, I))                               latent against standard normal noise
    estimate   (1 - alpha) (lambda L_ssim + (1 - lambda) L_l2)     sources restored from fused image and noise              (Eq. 4)

                released                              printed
    L_ssim      half of the sum over both sources     sum over both sources (Eqs. 2, 4): twice as much
    L_l2        half of the sum of mean squares       sum of l2 norms (Eqs. 3, 4): of a 240 x 240 image 240 times a root mean square
    latent      the same in both, so that it weighs half as much against L_ssim as printed
    sigmoids    outside of the flow in both directions; the printed text says so of the fused image only, not of what goes
                into the way back and comes out of it. Both losses here have the released ones
    lambda      0.8 in both, between L_ssim and L_l2; alpha 0.5 in both, between there and back
    ReLU        after the last convolution of each subnet; printed and released agree
    log-det     computed by the code and used in neither

The printed text does not say over what a norm extends; here it is one over the pixels of an image, averaged over the batch, as L_ssim is.
The latent part is inert at the dimension of an image in both: see `discrepancy`.
"""
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from FusionINNLib.methods.fusioninn.networks import FusionNetwork
from training.distributed import ALONE, Workers
from training.losses.losses import moments, ssim_map

WIDTHS = (0.05, 0.2, 0.9)  # of the kernels


@dataclass(frozen=True)
class ReleasedProgram:
    """The network with the sigmoids that the released code puts outside of the flow: used like a `FusionNetwork`, exact no more."""

    network: FusionNetwork

    def fuse(self, sources: Tensor) -> tuple[Tensor, Tensor]:
        """sources (B, 2, H, W) -> sigmoid(y), z (B, 1, H, W)."""
        y, latent = self.network.fuse(sources)
        return torch.sigmoid(y), latent

    def decompose(self, fused: Tensor, latent: Tensor) -> Tensor:
        """sigmoid(y), latent (B, 1, H, W) -> sigmoid(f^-1([sigmoid(y), latent])) (B, 2, H, W): the flow is never given y again."""
        return torch.sigmoid(self.network.decompose(fused, latent))


@dataclass(frozen=True)
class Passes:
    """What one step looks at. Images (B, 1, H, W), pairs (B, 2, H, W).

    sources: x1, x2. fused: sigmoid(y). latent: z. normal: noise that z is compared with. restored: both sources, from `fused` and other
    noise than `normal`.
    """

    sources: Tensor
    fused: Tensor
    latent: Tensor
    normal: Tensor
    restored: Tensor


def passes(network: FusionNetwork, sources: Tensor, workers: Workers = ALONE) -> Passes:
    """There and back with fresh noise, first `normal`, then that of the way back; the gradient goes through both ways.

    With several processes each has its rows of all but `latent` and `normal`, which the latent part compares as a whole.
    """
    program = ReleasedProgram(network)
    fused, latent = program.fuse(sources)
    normal, drawn = workers.whole_normal_like(latent), workers.normal_like(latent)
    return Passes(sources, fused, workers.gather(latent), normal, program.decompose(fused, drawn))


def released_loss(seen: Passes, ssim_share: float, forward_share: float) -> dict[str, Tensor]:
    """The parts of the loss in the released code: Eqs. 2-4 with halves for sums and mean squares for norms.

    Args:
        ssim_share: lambda, 0.8 as published. forward_share: alpha, 0.5 as published.
    """
    known = moments(seen.sources)

    def dissimilarity(images: Tensor) -> Tensor:
        similarity = 1 - ssim_map(images, seen.sources, known).mean()  # of both sources, in the mean
        return ssim_share * similarity + (1 - ssim_share) * (images - seen.sources).square().mean()

    return _parts(dissimilarity, seen, forward_share)


def printed_loss(seen: Passes, ssim_share: float, forward_share: float) -> dict[str, Tensor]:
    """The parts of the loss as Eqs. 2-4 are printed: sums over both sources, l2 norms over the pixels of an image (batch mean).

    Args: as for `released_loss`.
    """
    known = moments(seen.sources)

    def dissimilarity(images: Tensor) -> Tensor:
        similarity = 2 - 2 * ssim_map(images, seen.sources, known).mean()
        norm = torch.linalg.vector_norm(images - seen.sources, dim=(2, 3)).mean(0).sum()
        return ssim_share * similarity + (1 - ssim_share) * norm

    return _parts(dissimilarity, seen, forward_share)


LOSSES = {"released": released_loss, "printed": printed_loss}
"""By the setting `loss`."""


def _parts(dissimilarity: Callable[[Tensor], Tensor], seen: Passes, forward_share: float) -> dict[str, Tensor]:
    """`dissimilarity` of images, (B, 1, H, W) or a pair, to both sources, for both ways, and the latent part; weighted by alpha."""
    return {"fused": forward_share * dissimilarity(seen.fused),
            "latent": forward_share * discrepancy(seen.latent.flatten(1), seen.normal.flatten(1)),
            "estimate": (1 - forward_share) * dissimilarity(seen.restored)}


def discrepancy(a: Tensor, b: Tensor) -> Tensor:
    """Squared maximum mean discrepancy of rows a, b (B, N): biased estimate, inverse multiquadric kernels w^2 / (w^2 + |x - y|^2) added
    up over `WIDTHS` (Gretton et al. 2012; kernels as in Ardizzone et al. 2019).

    Inert for images: rows of 57,600 pixels lie some 1e5 apart (squared), where every kernel is nearly 0, so only the diagonal of 1s is
    left and the value is 2 * len(WIDTHS) / B whatever the latent is, 0.09375 for B = 64, with a gradient near 0.
    """
    rows = torch.cat([a, b])
    gram = rows @ rows.T
    square = gram.diagonal()  # of the same product: exactly 0 from each row to itself
    distance = square[:, None] + square - 2 * gram
    kernel = sum(width ** 2 / (width ** 2 + distance) for width in WIDTHS)
    sign = torch.cat([a.new_ones(len(a)), -b.new_ones(len(b))])
    return sign @ kernel @ sign / len(a) ** 2
