"""What DDFM believes a slice to look like: a Gaussian that is exact and quick, or a small U-Net; and where each of them works.

The paper's prior is a network of 553 million parameters trained on photographs (ADM, 256 pixels), which is on no package index and was not
tried. Both here were fitted to MR slices by `python -m training`, and are models of the method: their cards say `"prior": {"kind": ...}`.
"""
from abc import abstractmethod

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from FusionINNLib.errors import ModelError
from FusionINNLib.methods import weights
from FusionINNLib.methods.ddfm.frame import Frame
from FusionINNLib.methods.diffusion.schedule import alphas_cumprod, noise_of
from FusionINNLib.methods.diffusion.unet import multiple, noise_in, unet
from FusionINNLib.methods.model_card import ModelCard, damaged

MARGIN = 8  # pixels around the head that a network sees
SMALLEST_POWER = 1e-8  # of a spectrum: what a frequency has that no image held


class Prior(nn.Module):
    """A prior: called with x_t (B, 1, H, W) and t it gives the noise that it sees in x_t."""

    @abstractmethod
    def forward(self, x: Tensor, step: int) -> Tensor:
        """x_t, t -> noise, of the same shape."""

    @abstractmethod
    def placed(self, shape: tuple[int, int], occupied: tuple[slice, slice]) -> tuple[Frame, "Prior"]:
        """Where it works in slices of a shape, of which `occupied` rows and columns hold anything, and the prior of that size."""


class GaussianPrior(Prior):
    """Slices as a Gaussian with a mean image and a power spectrum: what the least squares denoiser is, in one Fourier transform (ours).

    Args:
        mean: (N, N), in the diffusion's scale.
        spectrum: (N, N // 2 + 1), mean |fft(x - mean)|^2 of an orthonormal transform, as rfft2 orders it.
    """

    mean: Tensor
    spectrum: Tensor

    def __init__(self, mean: Tensor, spectrum: Tensor):
        super().__init__()
        self._kept = alphas_cumprod()
        self.register_buffer("mean", mean)
        self.register_buffer("spectrum", spectrum)

    @classmethod
    def fit(cls, images: Tensor) -> "GaussianPrior":
        """From square images (B, N, N) in the diffusion's scale."""
        mean, total = images.mean(0), torch.zeros(())
        for image in images:  # one by one: the transforms of all would not fit into memory
            total = total + torch.fft.rfft2(image - mean, norm="ortho").abs().square()
        return cls(mean, (total / len(images)).clamp(min=SMALLEST_POWER))

    def forward(self, x: Tensor, step: int) -> Tensor:
        """As `Prior.forward`, for images of its own size."""
        return noise_of(x, self.clean(x, step), self._kept[step])

    def clean(self, x: Tensor, step: int) -> Tensor:
        """The expected image (B, 1, N, N) behind x_t: mean + sqrt(a) S / (a S + 1 - a) (x_t - sqrt(a) mean), frequency by frequency."""
        kept = float(self._kept[step])
        gain = kept ** 0.5 * self.spectrum / (kept * self.spectrum + 1 - kept)
        spectrum = torch.fft.rfft2(x - kept ** 0.5 * self.mean, norm="ortho")
        return self.mean + torch.fft.irfft2(gain * spectrum, x.shape[-2:], norm="ortho")

    def placed(self, shape: tuple[int, int], occupied: tuple[slice, slice]) -> tuple[Frame, Prior]:
        """The square around the slice, and what was fitted at the size of that."""
        side = max(shape)
        top, left = ((length - side) // 2 for length in shape)
        return Frame(top, top + side, left, left + side), self if side == len(self.mean) else self.resized(side)

    def resized(self, side: int) -> "GaussianPrior":
        """The prior of the same field of view in side x side pixels: the mean interpolated, the spectrum by cycles per field of view and
        times the ratio of pixel counts; frequencies that the fitted size does not hold have the power of the highest it does."""
        fitted = len(self.mean)
        mean = F.interpolate(self.mean[None, None], (side, side), mode="bilinear", antialias=True)[0, 0]
        rows = (torch.fft.fftfreq(side) * side).round().long().clamp(-(fitted // 2), (fitted - 1) // 2) % fitted
        columns = torch.arange(side // 2 + 1).clamp(max=fitted // 2)
        return GaussianPrior(mean, self.spectrum[rows][:, columns] * (side / fitted) ** 2)

    def stored(self) -> dict[str, Tensor]:
        """What a model folder holds: float16, the spectrum by its logarithm."""
        return {"mean": self.mean.half(), "log_spectrum": self.spectrum.log().half()}

    @classmethod
    def of_stored(cls, state: dict[str, Tensor]) -> "GaussianPrior":
        """From what `stored` gave. Raises KeyError or ValueError for something else."""
        mean, spectrum = state["mean"].float(), state["log_spectrum"].float().exp()
        if mean.ndim != 2 or mean.shape[0] != mean.shape[1] or spectrum.shape != (len(mean), len(mean) // 2 + 1):
            raise ValueError("mean and spectrum are not those of square images of one size")
        return cls(mean, spectrum)


class UNetPrior(Prior):
    """A diffusion U-Net, which sees the head and a margin around it; sides are continued with background to multiples of its own."""

    def __init__(self, network: nn.Module, cell: int):
        super().__init__()
        self.network, self.cell = network.eval().requires_grad_(False), cell

    def forward(self, x: Tensor, step: int) -> Tensor:
        """As `Prior.forward`, sides multiples of `cell`."""
        return noise_in(self.network, x, step)

    def placed(self, shape: tuple[int, int], occupied: tuple[slice, slice]) -> tuple[Frame, Prior]:
        """The box of what is occupied, widened."""
        (j0, j1), (i0, i1) = (self._widened(part.start, part.stop, length) for part, length in zip(occupied, shape))
        return Frame(j0, j1, i0, i1), self

    def _widened(self, start: int, stop: int, length: int) -> tuple[int, int]:
        start, stop = max(0, start - MARGIN), min(length, stop + MARGIN)
        return start, start + -(-(stop - start) // self.cell) * self.cell


def load(card: ModelCard) -> Prior:
    """The prior of a model, on the CPU. Raises ModelError where card and weights make none."""
    state = weights.read(card.folder, card.id, card.sha256)
    try:
        kind = card.data["prior"]["kind"]
        if kind not in ("gaussian", "unet"):
            raise ValueError(f"no prior is of the kind {kind!r}")
        channels = [int(width) for width in card.data["prior"]["channels"]] if kind == "unet" else []
        network = unet(channels) if kind == "unet" else None
    except ImportError as problem:
        raise ModelError(f"The model {card.id!r} needs the packages monai and einops: install them, or choose a model of the method that "
                         "needs no network.") from problem
    except (KeyError, TypeError, ValueError) as problem:
        raise damaged(card.id, problem) from problem
    try:
        if network is None:
            return GaussianPrior.of_stored(state)
        network.load_state_dict(state)
    except (RuntimeError, KeyError, ValueError, AttributeError) as problem:
        raise weights.misfit(card.id) from problem
    return UNetPrior(network, multiple(channels))
