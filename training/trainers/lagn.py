"""Stage 2 of LAGN: what to show of both sources, on the features of a diffusion that was trained before.

    python -m training fit --set preset=lagn-diffusion --prepared DIR --splits FILE --run DIFFUSION
    python -m training fit --set preset=lagn --start DIFFUSION --prepared DIR --splits FILE --run DIR
"""
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from FusionINNLib.errors import InputError
from FusionINNLib.methods.lagn.network import MULTIPLE, Lagn, size_from
from training.data.crops import VALIDATED_SET
from training.data.harvard import FOLDER, harvard_cases
from training.data.prepare import PreparedCase
from training.loop.config import TrainingConfig
from training.loop.trainer import START, Trainer
from training.losses.lagn import lagn_loss
from training.trainers.lagn_diffusion import sampler

VALIDATED = 32  # windows
INSIDE = "unet."


@dataclass(frozen=True)
class LagnConfig(TrainingConfig):
    """The settings of a run. `settings`: of `network.Size`. `crop`: side of the windows. generated, brightest: as `losses.lagn`."""

    steps: int = 1000
    batch: int = 8
    crop: int = 64
    learning_rate: float = 1e-3
    beta2: float = 0.999
    average: float = 0.99
    validate_every: int = 50
    settings: dict = field(default_factory=dict)
    generated: bool = True
    brightest: bool = True


class LagnTrainer(Trainer):
    """One run of the network that `config.settings` describes."""

    Config: ClassVar[type[TrainingConfig]] = LagnConfig
    CARD_KEYS: ClassVar[frozenset[str]] = frozenset({"method", "network"})
    STORED: ClassVar[torch.dtype] = torch.float16

    def load_data(self, train: dict[str, list[PreparedCase]], val: dict[str, list[PreparedCase]]) -> None:
        """As the diffusion was trained; the windows and the noise of a validation are the same each time."""
        if not any((self.folder / name).exists() for name in (START, "last.pt")):
            raise InputError("This training goes on from a diffusion: train one with --set preset=lagn-diffusion, and name its run "
                             "as --start.")
        self.sampler = sampler(train | {FOLDER: harvard_cases(self.prepared, "train")}, self.config.crop)
        fixed = sampler({VALIDATED_SET: val[VALIDATED_SET], FOLDER: harvard_cases(self.prepared, "val")}, self.config.crop)
        self.validation = {"windows": list(torch.from_numpy(fixed.batch(range(VALIDATED), [0])).split(8))}

    @classmethod
    def network_of(cls, config: TrainingConfig) -> nn.Module:
        """Fresh weights, as torch sets them."""
        if config.crop % MULTIPLE:
            raise ValueError(f"crop must be a multiple of {MULTIPLE}")
        return Lagn(size_from(config.settings))

    def fitted(self, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        """The diffusion's weights in their place, the others as they are. Raises ValueError where it is another diffusion."""
        inside = {INSIDE + name: tensor for name, tensor in weights.items()}
        state = self.network.state_dict()
        if inside.keys() != {name for name in state if name.startswith(INSIDE)}:
            raise ValueError("another diffusion")
        return state | inside

    def configure_optimizer(self) -> torch.optim.Optimizer:
        """Adam, of all but the diffusion."""
        return torch.optim.Adam([one for one in self.network.parameters() if one.requires_grad], self.config.learning_rate,
                                (0.9, self.config.beta2))

    def loss(self, sources: Tensor) -> tuple[Tensor, dict[str, float]]:
        """Of windows (B, 2, H, W)."""
        noise = self.workers.normal_like(self._like_noise(sources))
        with self.precision.layers():
            fused, believed = self.network(sources[:, :1], sources[:, 1:], noise)
        return self._loss(fused.float(), sources, believed.float())

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """The loss of the averaged weights and, beside it, of the plain average; `score` is by how much the latter is worse."""
        self.averaged.eval()
        losses, plain = [], []
        for n, windows in enumerate(self.validation["windows"]):
            sources = windows.to(self.device)
            noise = torch.randn(self._like_noise(windows).shape, generator=torch.Generator().manual_seed(n)).to(self.device)
            fused, believed = self.averaged(sources[:, :1], sources[:, 1:], noise)
            losses.append(float(self._loss(fused, sources, believed)[0]))
            plain.append(float(self._loss(sources.mean(1, keepdim=True), sources, believed)[0]))
        loss, average = float(np.mean(losses)), float(np.mean(plain))
        return {"loss": loss, "average": average, "score": average - loss}

    def _loss(self, fused: Tensor, sources: Tensor, believed: Tensor) -> tuple[Tensor, dict[str, float]]:
        c = self.config
        assert isinstance(c, LagnConfig)
        return lagn_loss(fused, sources, believed, c.generated, c.brightest)

    def _like_noise(self, sources: Tensor) -> Tensor:
        """Of the shape of the noise that the network wants."""
        assert isinstance(self.averaged, Lagn)
        return sources.repeat(1, len(self.averaged.size.steps), 1, 1)

    @classmethod
    def card_facts(cls, network: nn.Module, cases: list[PreparedCase]) -> dict:
        """The method, and what its network is built from; nothing is measured."""
        assert isinstance(network, Lagn)  # what `network_of` made
        return {"method": "lagn", "network": network.size.to_dict()}
