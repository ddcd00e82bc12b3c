"""One step of the released training under FrEIA 0.2, in its own order of operations: what `speed/training_steps.py` times.

Source: Kumar et al. 2024 and its released code, as described there: Adam at 3e-4, no clipping, `pytorch_msssim`'s separable SSIM by image
pair, and the kernel loss on whole images. Written here from that description; FrEIA is a dependency of tests and benchmarks only.
"""
import torch
from torch import Tensor
from torch.nn import functional as F

WIDTHS = (0.05, 0.2, 0.9)


class ReleasedTraining:
    """`network` is a FrEIA `GraphINN`, see `speed/reference.py`; `step` trains it on one batch."""

    def __init__(self, network: torch.nn.Module):
        self.network = network
        self.optimizer = torch.optim.Adam(network.parameters(), 3e-4)
        line = torch.exp(-(torch.arange(11) - 5.0) ** 2 / (2 * 1.5 ** 2))
        self.window = (line / line.sum())[None, None, None]

    def step(self, sources: Tensor) -> float:
        """One step on a batch (B, 2, H, W), contiguous; returns the loss."""
        first, second = sources[:, :1].contiguous(), sources[:, 1:].contiguous()
        (y, latent), _ = self.network(sources)
        fused = torch.sigmoid(y)
        there = 0.8 * self._dissimilarity(fused, fused, first, second) + 0.2 * _square(fused, fused, first, second)
        rows = latent.reshape(len(latent), -1)
        there = there + discrepancy(rows, torch.randn(*rows.shape))
        back = torch.sigmoid(self.network([fused, torch.randn(*latent.shape)], rev=True)[0])
        one, two = back[:, :1], back[:, 1:]
        restored = 0.8 * self._dissimilarity(one, two, first, second) + 0.2 * _square(one, two, first, second)
        total = 0.5 * there + 0.5 * restored
        self.optimizer.zero_grad()
        total.backward()
        self.optimizer.step()
        return total.item()

    def _dissimilarity(self, one: Tensor, two: Tensor, first: Tensor, second: Tensor) -> Tensor:
        return 0.5 * (1 - self._ssim(one, first)) + 0.5 * (1 - self._ssim(two, second))

    def _ssim(self, a: Tensor, b: Tensor) -> Tensor:
        """As `pytorch_msssim.ssim(a, b, data_range=1)`: five separable convolutions a pair."""
        mean_a, mean_b = self._smooth(a), self._smooth(b)
        square_a, square_b, product = mean_a.pow(2), mean_b.pow(2), mean_a * mean_b
        var_a, var_b = self._smooth(a * a) - square_a, self._smooth(b * b) - square_b
        covariance = self._smooth(a * b) - product
        contrast = (2 * covariance + 0.03 ** 2) / (var_a + var_b + 0.03 ** 2)
        return ((2 * product + 0.01 ** 2) / (square_a + square_b + 0.01 ** 2) * contrast).flatten(2).mean(-1).mean()

    def _smooth(self, x: Tensor) -> Tensor:
        return F.conv2d(F.conv2d(x, self.window.transpose(2, 3)), self.window)


def _square(one: Tensor, two: Tensor, first: Tensor, second: Tensor) -> Tensor:
    return 0.5 * F.mse_loss(one, first) + 0.5 * F.mse_loss(two, second)


def discrepancy(a: Tensor, b: Tensor) -> Tensor:
    """Biased squared maximum mean discrepancy of rows (B, N), each pair of sets with a product and a sum of kernels of its own."""
    within_a, within_b, between = a @ a.t(), b @ b.t(), a @ b.t()
    square_a, square_b = within_a.diag()[None].expand_as(within_a), within_b.diag()[None].expand_as(within_b)
    distances = (square_a.t() + square_a - 2 * within_a, square_b.t() + square_b - 2 * within_b, square_a.t() + square_b - 2 * between)
    kernels = [sum(width ** 2 / (width ** 2 + distance) for width in WIDTHS) for distance in distances]
    return (kernels[0] + kernels[1] - 2 * kernels[2]).mean()
