"""U-Net. Ronneberger, Fischer, Brox: U-Net: Convolutional networks for biomedical image segmentation. MICCAI 2015.
With padding and batch normalisation, as Kumar et al. 2024 (FusionINN) ran it; 31,042,945 parameters."""
import torch
from torch import Tensor, nn

from training.baselines.blocks import WIDTHS, as_channels, double_conv
from training.baselines.fuser import Fuser


class UNet(Fuser):
    """Five levels of 64 to 1024 channels. Multiples of 16. The output is linear: not bound to 0..1, as published."""

    multiple = 16

    def __init__(self):
        super().__init__()
        self.down = nn.ModuleList([double_conv(c_in, c_out) for c_in, c_out in zip((2, *WIDTHS), WIDTHS)])
        self.halve = nn.MaxPool2d(2)
        self.enlarge = nn.ModuleList([nn.ConvTranspose2d(2 * width, width, 2, stride=2) for width in WIDTHS[-2::-1]])
        self.up = nn.ModuleList([double_conv(2 * width, width) for width in WIDTHS[-2::-1]])
        self.last = nn.Conv2d(WIDTHS[0], 1, 1)

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """As `Fuser.forward`."""
        x, features = as_channels(first, second), []
        for level, block in enumerate(self.down):
            x = block(self.halve(x) if level else x)
            features.append(x)
        for skipped, enlarge, block in zip(reversed(features[:-1]), self.enlarge, self.up):
            x = block(torch.cat([skipped, enlarge(x)], 1))
        return self.last(x)
