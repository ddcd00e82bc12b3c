"""The invertible layers that the networks of `methods/fusioninn/networks.py` are made of.

Every layer is a `Flow`: a pair of functions that undo one another.

    y, log_det = layer(x)              # x (B, C, H, W) -> y (B, C', H', W'), log|det dy/dx| (B,)
    x, log_det = layer.inverse(y)      # and back; this log_det is minus the other one

Images are float tensors (B, C, H, W), H and W being the in-plane axes j and i of a slice. Layers that change H and W need them even.
A composition of flows is a flow. Sources: Dinh et al. 2017 (affine coupling, squeezing), Kingma & Dhariwal 2018 (activation
normalisation), Jacobsen et al. 2018 (invertible down-sampling), Kumar et al. 2024 (FusionINN).
"""
import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Flow(nn.Module):
    """An invertible layer.

    Promise: `layer.inverse(layer(x)[0])[0]` equals `x` to the accuracy of the number format, and the two log-determinants cancel.
    """

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x (B, C, H, W) -> y (B, C', H', W') and log|det dy/dx| (B,)."""
        raise TypeError(f"{type(self).__name__} has no forward direction")

    def inverse(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """y (B, C', H', W') -> x (B, C, H, W) and log|det dx/dy| (B,)."""
        raise TypeError(f"{type(self).__name__} has no inverse direction")


def no_log_det(x: Tensor) -> Tensor:
    """Zeros (B,): the log-determinant of a layer that keeps volume."""
    return x.new_zeros(x.shape[0])


class Composition(Flow):
    """Flows one after the other; the inverse runs them backwards."""

    def __init__(self, *flows: Flow):
        super().__init__()
        self.flows = nn.ModuleList(flows)

    def forward(self, x):
        total = no_log_det(x)
        for flow in self.flows:
            x, log_det = flow(x)
            total = total + log_det
        return x, total

    def inverse(self, y):
        total = no_log_det(y)
        for flow in reversed(self.flows):
            assert isinstance(flow, Flow)  # as `__init__` was given them; a ModuleList knows modules alone
            y, log_det = flow.inverse(y)
            total = total + log_det
        return y, total


class Coring(Flow):
    """Make what is nearly black in channel 0 black: magnitudes a up to `threshold` are divided by 2**20, and the next as many stretched.

        a <= t            a / 2**20                  e = t / 2**20
        t < a < 2 t - e   2 (a - t) + e
        else              a

    A float32 keeps all digits of a small number, so nothing is lost; integers round all of it to one and the same value. Coring is what
    video engineers call a dead zone around 0.

    Args:
        threshold: t, a small multiple of 2**-10 below 2**-7: then float32 computes all of this exactly, where a is a multiple of 2**-23.
    """

    SHRINK = 2 ** 20

    def __init__(self, threshold: float):
        super().__init__()
        self.threshold, self.least = threshold, threshold / self.SHRINK

    def forward(self, x):
        size = x[:, :1].abs()
        stretched = torch.where(size < 2 * self.threshold - self.least, 2 * (size - self.threshold) + self.least, size)
        return self._with(x, torch.where(size > self.threshold, stretched, size / self.SHRINK)), self._log_det(size)

    def inverse(self, y):
        size = y[:, :1].abs()
        squeezed = torch.where(size < 2 * self.threshold - self.least, (size - self.least) / 2 + self.threshold, size)
        inner = torch.where(size > self.least, squeezed, size * self.SHRINK)
        return self._with(y, inner), -self._log_det(inner)

    @staticmethod
    def _with(x: Tensor, size: Tensor) -> Tensor:
        return torch.cat([size * x[:, :1].sign(), x[:, 1:]], 1)

    def _log_det(self, size: Tensor) -> Tensor:
        black = (size <= self.threshold).flatten(1).sum(1)
        grey = ((size > self.threshold) & (size < 2 * self.threshold - self.least)).flatten(1).sum(1)
        return math.log(2) * grey.to(size) - math.log(self.SHRINK) * black.to(size)


class AverageDifference(Flow):
    """Two images -> their average and `gain` times their difference: where the default network starts from.

    `gain` brings the difference of two MR images near unit variance, which is where the latent is to end.
    """

    def __init__(self, gain: float):
        super().__init__()
        self.gain = gain

    def forward(self, x):
        first, second = x[:, :1], x[:, 1:]
        y = torch.cat([(first + second) / 2, (first - second) * self.gain], 1)
        return y, self._log_det(x)

    def inverse(self, y):
        average, half = y[:, :1], y[:, 1:] / (2 * self.gain)
        return torch.cat([average + half, average - half], 1), -self._log_det(y)

    def _log_det(self, x: Tensor) -> Tensor:
        pixels = x.shape[2] * x.shape[3]
        return no_log_det(x) + pixels * torch.log(x.new_tensor(self.gain))


class HaarDown(Flow):
    """One step of the orthonormal 2-D Haar transform: (B, C, H, W) -> (B, 4 C, H/2, W/2), the four bands of a channel side by side."""

    bands: Tensor

    def __init__(self):
        super().__init__()
        bands = torch.tensor([[1, 1, 1, 1], [1, -1, 1, -1], [1, 1, -1, -1], [1, -1, -1, 1]]) / 2  # symmetric: its own inverse
        self.register_buffer("bands", bands, persistent=False)

    def forward(self, x):
        return self._mix(F.pixel_unshuffle(x, 2)), no_log_det(x)

    def inverse(self, y):
        return F.pixel_shuffle(self._mix(y), 2), no_log_det(y)

    def _mix(self, x: Tensor) -> Tensor:
        b, c, h, w = x.shape
        if x.is_contiguous(memory_format=torch.channels_last):
            pixels = x.permute(0, 2, 3, 1).reshape(b, h, w, c // 4, 4)  # a view
            return (pixels @ self.bands.to(x.dtype)).reshape(b, h, w, c).permute(0, 3, 1, 2)
        return torch.einsum("pq,bcqhw->bcphw", self.bands.to(x.dtype), x.reshape(b, c // 4, 4, h, w)).reshape(b, c, h, w)


class HaarUp(Flow):
    """The way back of `HaarDown` as a layer of its own: (B, 4 C, H, W) -> (B, C, 2 H, 2 W)."""

    def __init__(self):
        super().__init__()
        self.down = HaarDown()

    def forward(self, x):
        return self.down.inverse(x)

    def inverse(self, y):
        return self.down(y)


class Squeeze(Flow):
    """(B, C, H, W) -> (B, 4 C, H/2, W/2): the four pixels of a 2x2 cell become channels, cell position fastest within a channel."""

    def forward(self, x):
        return F.pixel_unshuffle(x, 2), no_log_det(x)

    def inverse(self, y):
        return F.pixel_shuffle(y, 2), no_log_det(y)


class Unsqueeze(Flow):
    """The way back of `Squeeze` as a layer of its own: (B, 4 C, H, W) -> (B, C, 2 H, 2 W)."""

    def forward(self, x):
        return F.pixel_shuffle(x, 2), no_log_det(x)

    def inverse(self, y):
        return F.pixel_unshuffle(y, 2), no_log_det(y)


class Permutation(Flow):
    """A fixed reordering of the channels. Both orders are buffers, so that a saved network brings its own along."""

    order: Tensor
    order_back: Tensor

    def __init__(self, order: list[int] | Tensor):
        super().__init__()
        indices = torch.as_tensor(order)
        self.register_buffer("order", indices)
        self.register_buffer("order_back", torch.argsort(indices))

    def forward(self, x):
        return x[:, self.order], no_log_det(x)

    def inverse(self, y):
        return y[:, self.order_back], no_log_det(y)


class ActivationNorm(Flow):
    """y = x * exp(log_scale) + bias for each channel (Kingma & Dhariwal 2018, section 3.1)."""

    def __init__(self, channels: int):
        super().__init__()
        self.log_scale = nn.Parameter(torch.zeros(1, channels, 1, 1))
        self.bias = nn.Parameter(torch.zeros(1, channels, 1, 1))

    @torch.no_grad()
    def initialize(self, x: Tensor) -> None:
        """Set scale and bias so that each channel of `x` (B, C, H, W) comes out with mean 0 and standard deviation 1."""
        channels = x.transpose(0, 1).reshape(x.shape[1], -1)
        self.log_scale.copy_(-channels.std(1).log().view_as(self.log_scale))
        self.bias.copy_(-(channels.mean(1).view_as(self.bias) * self.log_scale.exp()))

    def forward(self, x):
        return x * self.log_scale.exp() + self.bias, self._log_det(x)

    def inverse(self, y):
        return (y - self.bias) * torch.exp(-self.log_scale), -self._log_det(y)

    def _log_det(self, x: Tensor) -> Tensor:
        return no_log_det(x) + self.log_scale.sum() * x.shape[2] * x.shape[3]


class AffineCoupling(Flow):
    """Two halves of the channels scale and shift one another in turn (Dinh et al. 2017; Kumar et al. 2024, Eq. 1).

        v1 = u1 * exp(s(u2)) + t(u2)
        v2 = u2 * exp(s(v1)) + t(v1)

    `subnet(c_in, c_out)` makes the two networks; each gives log-scales and shifts in one output of twice the channels that it acts on.
    `bound` keeps the log-scales finite.
    """

    def __init__(self, channels: int, subnet, bound):
        super().__init__()
        self.split = [channels // 2, channels - channels // 2]
        self.for_first = subnet(self.split[1], 2 * self.split[0])
        self.for_second = subnet(self.split[0], 2 * self.split[1])
        self.bound = bound

    def forward(self, x):
        u1, u2 = x.split(self.split, 1)
        log_scale_1, shift_1 = self._scale_and_shift(self.for_first(u2))
        v1 = u1 * log_scale_1.exp() + shift_1
        log_scale_2, shift_2 = self._scale_and_shift(self.for_second(v1))
        v2 = u2 * log_scale_2.exp() + shift_2
        return torch.cat([v1, v2], 1), self._log_det(log_scale_1, log_scale_2)

    def inverse(self, y):
        v1, v2 = y.split(self.split, 1)
        log_scale_2, shift_2 = self._scale_and_shift(self.for_second(v1))
        u2 = (v2 - shift_2) * torch.exp(-log_scale_2)
        log_scale_1, shift_1 = self._scale_and_shift(self.for_first(u2))
        u1 = (v1 - shift_1) * torch.exp(-log_scale_1)
        return torch.cat([u1, u2], 1), -self._log_det(log_scale_1, log_scale_2)

    def _scale_and_shift(self, output: Tensor) -> tuple[Tensor, Tensor]:
        log_scale, shift = output.chunk(2, 1)
        return self.bound(log_scale.clone()), shift  # a copy without gaps: on half of the channels of a pixel tanh takes twice as long

    @staticmethod
    def _log_det(log_scale_1: Tensor, log_scale_2: Tensor) -> Tensor:
        return log_scale_1.sum((1, 2, 3)) + log_scale_2.sum((1, 2, 3))
