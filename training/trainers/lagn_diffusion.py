"""Stage 1 of LAGN: a diffusion of both modalities together, after Dif-Fusion (Yue et al. 2023); sizes and data are ours.

    python -m training fit --set preset=lagn-diffusion --prepared DIR --splits FILE --run DIR
"""
from dataclasses import dataclass, field
from typing import ClassVar

import torch
from torch import nn

from FusionINNLib.methods.diffusion.unet import unet
from training.data.crops import VALIDATED_SET
from training.data.harvard import FOLDER, harvard_cases
from training.data.pairs import PairSampler
from training.data.prepare import PreparedCase
from training.loop.config import TrainingConfig
from training.trainers.ddfm_unet import LEVELS, VALIDATED, DdfmUnetTrainer

SHARES = {VALIDATED_SET: 0.3, "lgg": 0.1, FOLDER: 0.6}


@dataclass(frozen=True)
class LagnDiffusionConfig(TrainingConfig):
    """The settings of a run. `settings`: channels of the U-Net's levels. `crop`: side of the windows."""

    settings: dict = field(default_factory=lambda: {"channels": [24, 48, 96]})
    steps: int = 2400
    batch: int = 8
    crop: int = 64
    learning_rate: float = 1e-3
    beta2: float = 0.999
    validate_every: int = 200


class LagnDiffusionTrainer(DdfmUnetTrainer):
    """As DDFM's U-Net, of two images at once, in the scale of the diffusion: nominal 0..1 becomes -1..1."""

    Config: ClassVar[type[TrainingConfig]] = LagnDiffusionConfig
    CARD_KEYS: ClassVar[frozenset[str]] = frozenset()

    def load_data(self, train: dict[str, list[PreparedCase]], val: dict[str, list[PreparedCase]]) -> None:
        """T1ce and FLAIR of the split, and Harvard's pairs by theirs; the windows and the noise of a validation are the same each time."""
        self.sampler = sampler(train | {FOLDER: harvard_cases(self.prepared, "train")}, self.config.crop)
        fixed = sampler({VALIDATED_SET: val[VALIDATED_SET], FOLDER: harvard_cases(self.prepared, "val")}, self.config.crop)
        windows = torch.from_numpy(fixed.batch(range(VALIDATED), [0]))
        noise = torch.randn(len(LEVELS), *windows.shape, generator=torch.Generator().manual_seed(0))
        self.validation = {"windows": [windows], "noise": list(noise)}

    @classmethod
    def made(cls, channels: list[int]) -> nn.Module:
        """Two images in and out."""
        return unet(channels, images=2)

    @classmethod
    def card_facts(cls, network: nn.Module, cases: list[PreparedCase]) -> dict:
        """Raises ModelError: half of a method is no model."""
        return super(DdfmUnetTrainer, cls).card_facts(network, cases)


def sampler(cases: dict[str, list[PreparedCase]], crop: int) -> PairSampler:
    """Of the sets that are there, as often as `SHARES` has them."""
    there = {name: some for name, some in cases.items() if some}
    return PairSampler(there, {name: SHARES[name] for name in there}, crop)
