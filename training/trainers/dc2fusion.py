"""Training of DC2Fusion (Liu et al. 2023) on T1ce and FLAIR, in blocks of a size that two cores can do.

    python -m training fit --set preset=dc2fusion --prepared DIR --splits FILE --run DIR

Published: MR and FDG-PET of ADNI at 128^3, width 96, 500 epochs. Other than published here: data, sizes, loss weights of 1 to 1 (`weights`
[2, 1] is the published preset), a window of 7 for SSIM in training (`window`), and that the network begins with the sources themselves.
"""
import copy
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from FusionINNLib.errors import InputError
from FusionINNLib.methods.dc2fusion.network import DC2FusionNetwork, blended, size_from
from training.data.blocks import BlockSampler
from training.data.prepare import PreparedCase
from training.loop.config import TrainingConfig
from training.loop.statistics import copy_statistics
from training.loop.trainer import Trainer
from training.losses.dc2fusion import fusion_loss

VALIDATED = 4  # blocks


@dataclass(frozen=True)
class DC2FusionConfig(TrainingConfig):
    """The settings of a run. `settings`: of `network.Size`. `crop`: side of the blocks. weights: of the sources in the loss."""

    settings: dict = field(default_factory=lambda: {"width": 24, "depths": [1, 1, 2], "residual": True, "drop_path": 0.1})
    steps: int = 1200
    batch: int = 1
    crop: int = 64
    learning_rate: float = 5e-4
    beta2: float = 0.999
    warm_up: int = 50
    average: float = 0.99
    validate_every: int = 50
    weights: list = field(default_factory=lambda: [1.0, 1.0])
    window: int = 7

    def check(self) -> None:
        """Raises InputError for values of a trainer's own settings that make no sense."""
        if len(self.weights) != 2 or self.window % 2 == 0 or not 3 <= self.window <= self.crop:
            raise InputError("weights must be two numbers, and window odd and no larger than the blocks: set them so.")


class DC2FusionTrainer(Trainer):
    """One run of the network that `config.settings` describes."""

    Config: ClassVar[type[TrainingConfig]] = DC2FusionConfig
    CARD_KEYS: ClassVar[frozenset[str]] = frozenset({"method", "network"})
    STORED: ClassVar[torch.dtype] = torch.float16
    MEMORY_FORMAT: ClassVar[torch.memory_format] = torch.channels_last_3d

    def load_data(self, train: dict[str, list[PreparedCase]], val: dict[str, list[PreparedCase]]) -> None:
        """As `Trainer.load_data`; the blocks of a validation are the same each time, and as they are."""
        self.sampler = BlockSampler(train, self.config.crop)
        fixed = BlockSampler(val, self.config.crop)
        blocks = np.stack([fixed.block(np.random.default_rng([0, n])) for n in range(VALIDATED)])
        self.validation = {"blocks": list(torch.from_numpy(blocks))}

    @classmethod
    def network_of(cls, config: TrainingConfig) -> nn.Module:
        """Fresh weights, as torch sets them."""
        size = size_from(config.settings)
        if config.crop % size.multiple:
            raise ValueError(f"crop must be a multiple of {size.multiple}")
        return DC2FusionNetwork(size)

    def loss(self, sources: Tensor) -> tuple[Tensor, dict[str, float]]:
        """Of blocks (B, 2, D, H, W)."""
        with self.precision.layers():
            maps = self.network(sources[:, :1], sources[:, 1:])
        return fusion_loss(blended(maps.float()), sources, self.config.weights, self.config.window)

    def on_step(self, parts: dict[str, float]) -> None:
        """The averaged weights go with the batch statistics of the network."""
        copy_statistics(self.network, self.averaged)

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """The loss of the averaged weights and, beside it, of the plain average; `score` is by how much the latter is worse."""
        network = copy.deepcopy(self.averaged).eval()
        losses, plain = [], []
        for block in self.validation["blocks"]:
            sources = block[None].to(self.device)
            fused = blended(network(sources[:, :1], sources[:, 1:]))
            losses.append(float(fusion_loss(fused, sources, self.config.weights, self.config.window)[0]))
            plain.append(float(fusion_loss(sources.mean(1, keepdim=True), sources, self.config.weights, self.config.window)[0]))
        loss, average = float(np.mean(losses)), float(np.mean(plain))
        return {"loss": loss, "average": average, "score": average - loss}

    @classmethod
    def card_facts(cls, network: nn.Module, cases: list[PreparedCase]) -> dict:
        """The method, and what its network is built from; nothing is measured."""
        assert isinstance(network, DC2FusionNetwork)  # what `network_of` made
        return {"method": "dc2fusion", "network": network.size.to_dict()}
