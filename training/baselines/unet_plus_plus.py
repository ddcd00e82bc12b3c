"""UNet++. Zhou, Siddiquee, Tajbakhsh, Liang: UNet++: A nested U-Net architecture for medical image segmentation. DLMIA 2018.
Without deep supervision, as Kumar et al. 2024 (FusionINN) ran it; 36,629,057 parameters."""
import torch
from torch import Tensor, nn

from training.baselines.blocks import WIDTHS, as_channels, double_conv
from training.baselines.fuser import Fuser

DEPTH = len(WIDTHS)


class UNetPlusPlus(Fuser):
    """Nested blocks: block (level, step) sees all earlier steps of its level and the enlarged step before of the level below.

    Multiples of 16; output 0..1.
    """

    multiple = 16

    def __init__(self):
        super().__init__()
        self.encoder = nn.ModuleList([double_conv(c_in, c_out) for c_in, c_out in zip((2, *WIDTHS), WIDTHS)])
        self.nested = nn.ModuleDict({f"{level}_{step}": double_conv(step * WIDTHS[level] + WIDTHS[level + 1], WIDTHS[level])
                                     for step in range(1, DEPTH) for level in range(DEPTH - step)})
        self.halve = nn.MaxPool2d(2)
        self.enlarge = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)
        self.last = nn.Conv2d(WIDTHS[0], 1, 1)

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """As `Fuser.forward`."""
        x = as_channels(first, second)
        grid: list[list[Tensor]] = []  # level -> step -> features
        for level, block in enumerate(self.encoder):
            x = block(self.halve(x) if level else x)
            grid.append([x])
        for step in range(1, DEPTH):
            for level in range(DEPTH - step):
                below = self.enlarge(grid[level + 1][step - 1])
                grid[level].append(self.nested[f"{level}_{step}"](torch.cat([*grid[level], below], 1)))
        return torch.sigmoid(self.last(grid[0][-1]))
