"""Half-UNet. Lu, She, Tie, Xu: Half-UNet: A simplified U-Net architecture for medical image segmentation. Frontiers in
Neuroinformatics 16, 2022. As Kumar et al. 2024 (FusionINN) ran it, which concatenates where the original adds; 337,729 parameters."""
import torch
from torch import Tensor, nn

from training.baselines.blocks import as_channels, conv_norm_relu
from training.baselines.fuser import Fuser

WIDTH, DEPTH = 64, 5


def _block(c_in: int) -> nn.Sequential:
    """Convolution, then one that is separable but for its "pointwise" part, which is 3x3 in the code that was run."""
    return nn.Sequential(*conv_norm_relu(c_in, WIDTH), nn.Conv2d(WIDTH, WIDTH, 3, padding=1, groups=WIDTH),
                         nn.Conv2d(WIDTH, WIDTH, 3, padding=1))


class HalfUNet(Fuser):
    """An encoder of five levels, all of 64 channels; coming back is only enlarging and concatenating. Multiples of 16; output 0..1."""

    multiple = 2 ** (DEPTH - 1)

    def __init__(self):
        super().__init__()
        self.levels = nn.ModuleList([_block(2 if level == 0 else WIDTH) for level in range(DEPTH)])
        self.halve = nn.MaxPool2d(2)
        self.enlarge = nn.Upsample(scale_factor=2, mode="bilinear")
        self.last = nn.Conv2d(DEPTH * WIDTH, 1, 1)

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """As `Fuser.forward`."""
        x, features = as_channels(first, second), []
        for level, block in enumerate(self.levels):
            x = block(self.halve(x) if level else x)
            features.append(x)
        for skipped in reversed(features[:-1]):
            x = torch.cat([skipped, self.enlarge(x)], 1)
        return torch.sigmoid(self.last(x))
