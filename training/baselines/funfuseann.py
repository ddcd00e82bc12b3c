"""FunFuseAn. Kumar, Hoffmann, Oelschlaegel, Koch, Kirschbaum, Gumhold: Structural similarity based anatomical and functional brain
imaging fusion. MBIA 2019. As Kumar et al. 2024 (FusionINN) ran it; 122,209 parameters."""
import torch
from torch import Tensor, nn

from training.baselines.blocks import conv_norm
from training.baselines.fuser import Fuser


def _layer(c_in: int, c_out: int, size: int) -> nn.Sequential:
    return conv_norm(c_in, c_out, size, nn.LeakyReLU(0.2))


class FunFuseAn(Fuser):
    """A wide low-frequency and a deep high-frequency branch for either image, merged separately. Any size; output 0..1.

    The high-frequency features are merged to max(a, b) / (a + b + 1e-8), as published. After a leaky ReLU the sum can pass through 0,
    where this has a pole: clip gradients when training.
    """

    def __init__(self):
        super().__init__()
        self.low_first = _layer(1, 16, 9)
        self.high_first = nn.Sequential(_layer(1, 16, 3), _layer(16, 32, 3), _layer(32, 64, 3))
        self.low_second = _layer(1, 16, 7)
        self.high_second = nn.Sequential(_layer(1, 16, 5), _layer(16, 32, 5), _layer(32, 64, 3))
        self.high_reconstruction = nn.Sequential(_layer(64, 32, 5), _layer(32, 16, 5))
        self.last = nn.Conv2d(16, 1, 5, padding=2)

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """As `Fuser.forward`."""
        a, b = self.high_first(first), self.high_second(second)
        high = self.high_reconstruction(torch.maximum(a, b) / (a + b + 1e-8))
        return torch.sigmoid(self.last((self.low_first(first) + self.low_second(second) + high) / 3))
