"""CSAD (Zhang et al. 2020, arXiv 2011.03908; JBHI 2022): two encoders, a fusion of their deepest features, a decoder without skips.

Architecture as in the figure of the paper and the public model file that matches it, all variants of that file as settings. Norm,
number of input slices and skip connections are choices of ours where the settings say so.
"""
from dataclasses import asdict, dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from FusionINNLib.outlining.blocks import NORMS, Decoder, Encoder
from FusionINNLib.outlining.joining import FUSIONS, ShuffleFusion

MULTIPLE = 16
"""Sides of an image are multiples of it."""


class Answer(NamedTuple):
    """What a network says of a batch: logits (B, 1, H, W), and the pooled features of each encoder for its attention maps, or none."""

    logits: Tensor
    first: list[Tensor]
    second: list[Tensor]


@dataclass(frozen=True)
class CsadSettings:
    """What a CSAD network is built from.

    unit: u, 32 in the paper's final network, 16 in its smaller one. slices: neighbours given as channels of a modality (1 is ours; the
    file's default is 3 of unknown meaning). fusion: `scff`, `shuffle` or `concat`. topology: `mid`, `early` or `late`. norm: `batch` or
    `instance`. is_divided: see CorrelatedFusion. skips: encoders' features also go to the decoder; ours, the paper has none.

    Raises ValueError for names that do not exist and combinations that make no network.
    """

    unit: int = 32
    slices: int = 1
    fusion: str = "scff"
    topology: str = "mid"
    norm: str = "batch"
    is_divided: bool = False
    skips: bool = False

    def __post_init__(self) -> None:
        for name, value, known in (("fusion", self.fusion, FUSIONS), ("topology", self.topology, TOPOLOGIES), ("norm", self.norm, NORMS)):
            if value not in known:
                raise ValueError(f"there is no {name} {value!r}: choose {', '.join(known)}")
        if self.unit < 1 or self.slices < 1 or not self.slices % 2:
            raise ValueError("unit must be at least 1, and slices an odd number")
        if self.skips and self.topology != "mid":
            raise ValueError("skips belong to the topology 'mid'")

    def to_dict(self) -> dict[str, object]:
        """JSON-ready."""
        return asdict(self)


def _widths(unit: int) -> tuple[int, int, int, int]:
    return 8 * unit, 4 * unit, 2 * unit, unit


class MidFusion(nn.Module):
    """The published network: both modalities meet at the bottleneck."""

    def __init__(self, settings: CsadSettings):
        super().__init__()
        u, norm = settings.unit, settings.norm
        self.first, self.second = (Encoder(settings.slices, u, norm) for _ in range(2))
        self.fusion = FUSIONS[settings.fusion](8 * u, norm, settings.is_divided)
        self.has_skips = settings.skips
        self.decoder = Decoder(16 * u, _widths(u), norm, (16 * u, 8 * u, 4 * u) if settings.skips else (0, 0, 0))
        self.out = nn.Conv2d(u, 1, 1)

    def forward(self, first: Tensor, second: Tensor) -> Answer:
        """Of two images (B, slices, H, W)."""
        ones, others = self.first(first), self.second(second)
        skips = [torch.cat(pair, 1) for pair in zip(ones[-2::-1], others[-2::-1])] if self.has_skips else []
        return Answer(self.out(self.decoder(self.fusion(ones[-1], others[-1]), skips)), ones, others)


class EarlyFusion(nn.Module):
    """Modalities as channels of one encoder, no attention maps (the file's SADNetWithEarlyFusion, where u is 64)."""

    def __init__(self, settings: CsadSettings):
        super().__init__()
        u, norm = settings.unit, settings.norm
        self.encoder = Encoder(2 * settings.slices, u, norm)
        self.decoder, self.out = Decoder(8 * u, _widths(u), norm), nn.Conv2d(u, 1, 1)

    def forward(self, first: Tensor, second: Tensor) -> Answer:
        """Of two images (B, slices, H, W)."""
        return Answer(self.out(self.decoder(self.encoder(torch.cat([first, second], 1))[-1], [])), [], [])


class LateFusion(nn.Module):
    """A decoder each, joined by shuffling before the last convolution (the file's SADNetWithLateFusion)."""

    def __init__(self, settings: CsadSettings):
        super().__init__()
        u, norm = settings.unit, settings.norm
        self.encoders = nn.ModuleList(Encoder(settings.slices, u, norm) for _ in range(2))
        self.decoders = nn.ModuleList(Decoder(8 * u, _widths(u), norm) for _ in range(2))
        self.fusion, self.out = ShuffleFusion(u, norm), nn.Conv2d(2 * u, 1, 1)

    def forward(self, first: Tensor, second: Tensor) -> Answer:
        """Of two images (B, slices, H, W)."""
        ones, others = (encoder(image) for encoder, image in zip(self.encoders, (first, second)))
        decoded = [decoder(features[-1], []) for decoder, features in zip(self.decoders, (ones, others))]
        return Answer(self.out(self.fusion(*decoded)), ones, others)


TOPOLOGIES: dict[str, type[nn.Module]] = {"mid": MidFusion, "early": EarlyFusion, "late": LateFusion}


def csad(settings: CsadSettings) -> nn.Module:
    """A fresh network, as torch initialises it (no constructor of the file calls its initialisation helper)."""
    return TOPOLOGIES[settings.topology](settings)
