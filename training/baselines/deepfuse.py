"""DeepFuse. Prabhakar, Srikar, Babu: DeepFuse: A deep unsupervised approach for exposure fusion with extreme exposure image pairs.
ICCV 2017. With the batch normalisation that Kumar et al. 2024 (FusionINN) gave it; 89,155 parameters."""
from torch import Tensor, nn

from training.baselines.blocks import conv_norm
from training.baselines.fuser import Fuser


class DeepFuse(Fuser):
    """Features of either image by the same two layers, added; three layers back. Any size. The output is a tanh: -1..1, as published."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(conv_norm(1, 16, 5, nn.LeakyReLU(0.01)), conv_norm(16, 32, 7, nn.ReLU()))
        self.reconstruction = nn.Sequential(conv_norm(32, 32, 7, nn.LeakyReLU(0.01)), conv_norm(32, 16, 5, nn.LeakyReLU(0.01)),
                                            conv_norm(16, 1, 5, nn.Tanh()))

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """As `Fuser.forward`."""
        return self.reconstruction(self.features(first) + self.features(second))
