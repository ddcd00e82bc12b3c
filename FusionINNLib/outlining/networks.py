"""The networks that suggest outlines, one table: name -> how one is made of its settings. All take two images and give an `Answer`."""
from collections.abc import Callable, Mapping

import torch
from monai.networks.nets.basic_unet import BasicUNet
from monai.networks.nets.segresnet import SegResNet
from monai.networks.nets.unet import UNet
from torch import Tensor, nn

from FusionINNLib.outlining.csad import Answer, CsadSettings, csad


class OneStream(nn.Module):
    """A network of MONAI's that looks at both modalities as channels of one image: no features are shown, so nothing is distilled."""

    def __init__(self, body: nn.Module):
        super().__init__()
        self.body = body

    def forward(self, first: Tensor, second: Tensor) -> Answer:
        """Of two images (B, slices, H, W), sides multiples of 16."""
        return Answer(self.body(torch.cat([first, second], 1)), [], [])


def _csad(slices: int = 1, **settings) -> nn.Module:
    return csad(CsadSettings(slices=slices, **settings))


def _unet(slices: int = 1, channels: tuple[int, ...] = (16, 32, 64, 128, 256), residual: int = 2) -> nn.Module:
    return OneStream(UNet(2, 2 * slices, 1, tuple(channels), (2,) * (len(channels) - 1), num_res_units=residual, norm="batch"))


def _basic_unet(slices: int = 1, features: tuple[int, ...] = (16, 16, 32, 64, 128, 16)) -> nn.Module:
    return OneStream(BasicUNet(2, 2 * slices, 1, tuple(features), norm="batch"))


def _segresnet(slices: int = 1, filters: int = 8, down: tuple[int, ...] = (1, 2, 2, 4)) -> nn.Module:
    return OneStream(SegResNet(2, filters, 2 * slices, 1, blocks_down=tuple(down), blocks_up=(1,) * (len(down) - 1)))


SHIPPED: dict[str, object] = {"architecture": "unet", "slices": 1}
"""Settings of the one that comes with the program."""
ARCHITECTURES: dict[str, Callable[..., nn.Module]] = {"csad": _csad, "unet": _unet, "basic_unet": _basic_unet, "segresnet": _segresnet}
"""Name -> network of `slices` and settings of its own."""


def build(settings: Mapping[str, object]) -> nn.Module:
    """The network of settings such as {"architecture": "csad", "slices": 1, "unit": 16}, with fresh weights.

    Raises ValueError for an architecture that does not exist or settings it does not take.
    """
    own = {name: value for name, value in settings.items() if name != "architecture"}
    name = settings.get("architecture")
    if name not in ARCHITECTURES:
        raise ValueError(f"there is no architecture {name!r}: choose {', '.join(ARCHITECTURES)}")
    try:
        return ARCHITECTURES[str(name)](**own)
    except TypeError as problem:
        raise ValueError(f"{name} does not take these settings") from problem


def slices_of(settings: Mapping[str, object]) -> int:
    """How many neighbouring slices the network of these settings takes of each modality."""
    slices = settings.get("slices", 1)
    assert isinstance(slices, int)
    return slices
