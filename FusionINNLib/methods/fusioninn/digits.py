"""The last step of the default network: fused image and latent exchange one digit, so that the fused image alone holds nearly everything.

A fused image in float32 has digits to spare: what lies below a thousandth of its scale no eye and no display shows. Written in units of a
cell of 2**-10, a fused value is a whole number of cells and a fraction, counted from half a cell below 0, so that 0 is in the middle of
one; the learned latent, through a distribution function F, is a fraction too. The first 256th parts of both fractions change places:

    fused  = cell * (whole + a/256 + rest - 1/2)      fused'  = cell * (whole + b/256 + rest - 1/2)
    latent = F^-1(b/256 + rest')                      latent' = G^-1(a/256 + rest')

The fused image moves by less than a cell. From it alone the learned latent is now known to a 256th of its distribution, and what is drawn
is only what the fused image had below a cell: noise, which G, the normal distribution function, makes standard normal. Stored more
coarsely than a cell (8 bit), smoothed or resampled, that digit is lost, and an estimate has what the learned layers hid above it, with a
learned latent drawn: `FusionNetwork.decompose_rounded`.

Putting data into the last digits is quantisation index modulation (Chen & Wornell 2001, section III); doing it as an exchange makes it
a flow. In every other whole number of cells the digits count downwards, so that a fused value rounded across the border of its cell still
tells about the same latent.
"""
import math
from typing import TypeVar

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from FusionINNLib.methods.fusioninn.flow import Flow

BASE = 256  # parts of a cell: 16-bit storage of a fused image with a range of 2 still tells 128 of them apart
FUSED_GRID, LATENT_GRID = 2.0 ** -23, 2.0 ** -25  # both sides are rounded to these, so that float32 adds and subtracts digits exactly
MIDDLE = 0.5  # part of a cell that lies below its whole number
OUTER = 0.15  # more digits than this in the outer quarter of all are not those of a latent
OUTER_OF_WINDOW = 0.2  # the same for the few of a window
WINDOW = 21  # voxels a side, in which a change is looked for: in smaller ones real volumes that nobody changed come near the limit
LEAST_INSIDE = 0.6  # of a window, by which it can be judged
LAST = 4  # digits on either side that are wide; a spot of 1 to 2 % of the range each on training patients, where one is drawn within
LARGEST = 2.0  # fused values beyond this are no multiples of the grid in float32, and exchange nothing


class DigitExchange(Flow):
    """(B, 2, H, W) -> (B, 2, H, W), channel 0 the fused image, channel 1 the latent.

    Back and forth reproduces the fused image to 6e-8 and the latent to 2e-6. Digits are computed in float64 on every device that has it,
    elsewhere on the CPU, so that each device reads what another one wrote. Latents beyond 6 exchange nothing.

    Args:
        cell: a power of two.
    """

    def __init__(self, cell: float):
        super().__init__()
        self.cell = cell

    def forward(self, x):
        return self._through(x, LEARNED, DRAWN)

    def inverse(self, y):
        return self._through(y, DRAWN, LEARNED)

    def _through(self, x: Tensor, there: "Distribution", onward: "Distribution") -> tuple[Tensor, Tensor]:
        fused, latent = x.to("cpu" if x.device.type == "mps" else x.device, torch.float64).split(1, 1)
        new_fused, share = self._exchange(fused, there.share(latent))
        new_latent = onward.value(share)
        log_det = (there.log_density(latent) - onward.log_density(new_latent)).sum((1, 2, 3))
        return torch.cat([new_fused, new_latent], 1).to(x.device, x.dtype), log_det.to(x.device, x.dtype)

    def _exchange(self, fused: Tensor, share: Tensor) -> tuple[Tensor, Tensor]:
        """Fused values and shares (B, 1, H, W) with their digits exchanged where both have one. Its own inverse."""
        cells, snapped = _snap(fused, FUSED_GRID) / self.cell + MIDDLE, _snap(share, LATENT_GRID)
        whole = torch.floor(cells)
        digit, other = torch.floor((cells - whole) * BASE), torch.floor(snapped * BASE)
        down = whole % 2 == 1
        forth = (torch.where(down, BASE - 1 - other, other) - digit).detach() / BASE
        back = (torch.where(down, BASE - 1 - digit, digit) - other).detach() / BASE
        fits = (snapped >= 0) & (snapped < 1) & (whole.abs() < LARGEST / self.cell)
        return torch.where(fits, (cells + forth - MIDDLE) * self.cell, fused), torch.where(fits, snapped + back, share)


class Distribution:
    """A symmetric distribution function that is left for its tangent at `reach`, so that it maps all numbers to all numbers."""

    def __init__(self, reach: float):
        self.reach = reach
        at_reach = torch.tensor(reach, dtype=torch.float64)
        self.edge, self.slope = float(self._share(at_reach)), math.exp(float(self._log_density(at_reach)))

    def share(self, value: Tensor) -> Tensor:
        """What part of the distribution lies below: 0..1, and beyond for values far out."""
        beyond = value.abs() - self.reach
        inner = self._share(value.clamp(-self.reach, self.reach))
        return torch.where(beyond > 0, 0.5 + value.sign() * (self.edge - 0.5 + beyond * self.slope), inner)

    def value(self, share: Tensor) -> Tensor:
        """The way back of `share`."""
        beyond = (share - 0.5).abs() - (self.edge - 0.5)
        inner = self._value(share.clamp(1 - self.edge, self.edge))
        return torch.where(beyond > 0, (share - 0.5).sign() * (self.reach + beyond / self.slope), inner)

    def log_density(self, value: Tensor) -> Tensor:
        """Logarithm of the derivative of `share`."""
        return self._log_density(value.clamp(-self.reach, self.reach))


class Normal(Distribution):
    """The standard normal one."""

    _share, _value = staticmethod(torch.special.ndtr), staticmethod(torch.special.ndtri)

    @staticmethod
    def _log_density(value: Tensor) -> Tensor:
        return -value.square() / 2 - math.log(2 * math.pi) / 2


class Logistic(Distribution):
    """The standard logistic one. It is wider than the normal one: float32 resolves a latent of 5 as well as one of 0, and the digits of a
    normal latent are rarely those at the ends of a cell, from where rounding would carry them into the next."""

    _share, _value = staticmethod(torch.sigmoid), staticmethod(torch.logit)

    @staticmethod
    def _log_density(value: Tensor) -> Tensor:
        return -value.abs() - 2 * torch.log1p(torch.exp(-value.abs()))


LEARNED, DRAWN = Logistic(5.0), Normal(2.75)


_Images = TypeVar("_Images", np.ndarray, Tensor)


def readable(drawn: _Images) -> _Images:
    """Drawn latents of any shape, cut off where no digit of the fused image would be read with them."""
    return drawn.clip(-DRAWN.reach, DRAWN.reach)


def not_exchanged(fused: np.ndarray, latent: np.ndarray) -> np.ndarray:
    """Which voxels of a fused image and its latent, of any shape, kept their digit and have the learned latent's share in the latent."""
    lowest, highest = (float(DRAWN.value(torch.tensor(share, dtype=torch.float64))) for share in (0.0, 1.0))
    return (latent < lowest) | (latent >= highest) | (np.abs(fused) >= LARGEST)


def is_last(fused: np.ndarray, cell: float) -> np.ndarray:
    """Which fused values, of any shape, hold one of the last digits on either side: those of a latent beyond 4.1, whose digits are wide."""
    return _beside_the_middle(fused, cell) >= 0.5 - LAST / BASE


def _snap(x: Tensor, grid: float) -> Tensor:
    """To the nearest multiple of the grid; the gradient passes."""
    return x + (torch.round(x / grid) * grid - x).detach()


def holds_digits(fused: np.ndarray, cell: float) -> bool:
    """Whether the digits of fused values (n,) inside the head are those of a latent, so that it can be read from them.

    Of the digits that a normal latent leaves there 5 % lie in the outer quarter of all. Coarse storage, a guessed scale, smoothing or
    resampling leave digits at random, a quarter of them there.
    """
    return bool(fused.size and outer_share(fused, cell) < OUTER)


def outer_share(fused: np.ndarray, cell: float) -> float:
    """Share of fused values (n,) whose digit lies in the outer quarter of all; 1 where there is none."""
    return float(_is_outer(fused, cell).mean()) if fused.size else 1.0


def changed_share(fused: np.ndarray, inside: np.ndarray, cell: float) -> np.ndarray:
    """Which part (J, I), 0 to 1, of a window of 21 x 21 voxels around each are none of a latent, in a slice that holds digits elsewhere.

    As `holds_digits`, for the voxels `inside`; 0 in windows that have not enough of them. Painted voxels are all alike and have no digits
    at random; as no fused voxel is exactly like both of its neighbours, they count as if they had.
    """
    alike = np.zeros_like(inside)
    alike[:, 1:-1] = (fused[:, 1:-1] == fused[:, :-2]) & (fused[:, 1:-1] == fused[:, 2:])
    counted, all_inside = (ndimage.uniform_filter(part.astype(np.float64), WINDOW, mode="constant")
                           for part in (inside & (_is_outer(fused, cell) | alike), inside))
    return np.where(all_inside >= LEAST_INSIDE, counted / np.maximum(all_inside, LEAST_INSIDE), 0.0)


def changed_places(share: np.ndarray) -> np.ndarray:
    """Where somebody changed the slice with this `changed_share` (J, I): bool, with a margin of a window, as far as it is felt."""
    return ndimage.maximum_filter(share >= OUTER_OF_WINDOW, 2 * WINDOW - 1, mode="constant")


def _is_outer(fused: np.ndarray, cell: float) -> np.ndarray:
    """Which fused values have a digit of the outer quarter."""
    return _beside_the_middle(fused, cell) > 0.375


def _beside_the_middle(fused: np.ndarray, cell: float) -> np.ndarray:
    """Parts of a cell, 0 to .5, between fused values and the middle of their cell: digits are counted down in every other one."""
    cells = fused.astype(np.float64) / cell + MIDDLE
    return np.abs(cells - np.floor(cells) - 0.5)
