"""Layers of CSAD's encoders and decoders. Layout: figure and model file; what is inside a DoubleConv is named there only, and ours."""
import torch
from torch import Tensor, nn

NORMS: dict[str, type[nn.BatchNorm2d] | type[nn.InstanceNorm2d]] = {"batch": nn.BatchNorm2d, "instance": nn.InstanceNorm2d}


def normalisation(name: str, channels: int) -> nn.Module:
    """`batch` (the 1x1 helper of the model file says BN) or `instance` (its initialisation helper names it), with learned scale."""
    return NORMS[name](channels, affine=True)


class DoubleConv(nn.Sequential):
    """(3x3 convolution, normalisation, ReLU) twice: (B, inputs, H, W) -> (B, outputs, H, W)."""

    def __init__(self, inputs: int, outputs: int, norm: str):
        super().__init__(nn.Conv2d(inputs, outputs, 3, padding=1), normalisation(norm, outputs), nn.ReLU(inplace=True),
                         nn.Conv2d(outputs, outputs, 3, padding=1), normalisation(norm, outputs), nn.ReLU(inplace=True))


class Encoder(nn.Module):
    """inc and E1 to E4 of one modality.

    Args:
        inputs: channels of the image.
        unit: u; the stages have 2u, 4u, 8u and 8u channels.
    """

    def __init__(self, inputs: int, unit: int, norm: str):
        super().__init__()
        self.inc = DoubleConv(inputs, unit, norm)
        widths = (unit, 2 * unit, 4 * unit, 8 * unit, 8 * unit)
        self.stages = nn.ModuleList(DoubleConv(before, after, norm) for before, after in zip(widths, widths[1:]))

    def forward(self, image: Tensor) -> list[Tensor]:
        """The four pooled feature maps of (B, inputs, H, W), at H/2, H/4, H/8 and H/16."""
        features, at = [], self.inc(image)
        for stage in self.stages:
            at = nn.functional.max_pool2d(stage(at), 2)
            features.append(at)
        return features


class Decoder(nn.Module):
    """Four times: bilinear upsampling by 2 (corners aligned), DoubleConv. `inputs` -> 8u -> 4u -> 2u -> u.

    Args:
        joined: channels of the encoders' features that are put beside what was upsampled, at H/8, H/4 and H/2; zeros as published.
    """

    def __init__(self, inputs: int, widths: tuple[int, int, int, int], norm: str, joined: tuple[int, int, int] = (0, 0, 0)):
        super().__init__()
        before = (inputs, *widths[:-1])
        self.stages = nn.ModuleList(DoubleConv(width + more, after, norm) for width, after, more in zip(before, widths, (*joined, 0)))

    def forward(self, bottleneck: Tensor, skips: list[Tensor]) -> Tensor:
        """(B, u, H, W) of (B, inputs, H/16, W/16). skips: features at H/8, H/4, H/2, or none."""
        at = bottleneck
        for number, stage in enumerate(self.stages):
            at = nn.functional.interpolate(at, scale_factor=2, mode="bilinear", align_corners=True)
            at = stage(torch.cat([at, skips[number]], 1) if number < len(skips) else at)
        return at
