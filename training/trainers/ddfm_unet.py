"""Training of a U-Net prior of DDFM: which noise is in a slice of T1ce or FLAIR, at any step of the diffusion (Ho et al. 2020, Eq. 14).

    python -m training fit --set preset=ddfm-unet --prepared DIR --splits FILE --run DIR

The paper takes a network of 553 million parameters, trained on photographs; this one has less than a million and has seen MR alone (ours).
"""
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from FusionINNLib.methods.diffusion.schedule import STEPS, alphas_cumprod, noised
from FusionINNLib.methods.diffusion.unet import multiple, noise_in, unet
from training.data.crops import VALIDATED_SET
from training.data.prepare import PreparedCase
from training.data.windows import WindowSampler
from training.loop.config import TrainingConfig
from training.loop.trainer import Trainer

VALIDATED = 32  # windows, each at every one of
LEVELS = (20, 100, 200, 300, 400, 500, 650, 850)  # steps


@dataclass(frozen=True)
class DdfmUnetConfig(TrainingConfig):
    """The settings of a run. `settings`: channels of the U-Net's levels. `crop`: side of the windows."""

    settings: dict = field(default_factory=lambda: {"channels": [16, 32, 64]})
    steps: int = 4000
    batch: int = 8
    crop: int = 64
    learning_rate: float = 1e-3
    beta2: float = 0.999
    validate_every: int = 250


class DdfmUnetTrainer(Trainer):
    """One run of the U-Net that `config.settings` describes, in the scale of the diffusion: nominal 0..1 becomes -1..1."""

    Config: ClassVar[type[TrainingConfig]] = DdfmUnetConfig
    CARD_KEYS: ClassVar[frozenset[str]] = frozenset({"method", "prior"})
    STORED: ClassVar[torch.dtype] = torch.float16

    def load_data(self, train: dict[str, list[PreparedCase]], val: dict[str, list[PreparedCase]]) -> None:
        """As `Trainer.load_data`; the windows and the noise of a validation are the same each time."""
        self.sampler = WindowSampler(train, self.shares(train), self.config.crop)
        fixed = WindowSampler({VALIDATED_SET: val[VALIDATED_SET]}, {VALIDATED_SET: 1.0}, self.config.crop)
        windows = torch.from_numpy(fixed.batch(range(VALIDATED), [0]))
        noise = torch.randn(len(LEVELS), *windows.shape, generator=torch.Generator().manual_seed(0))
        self.validation = {"windows": [windows], "noise": list(noise)}

    @classmethod
    def network_of(cls, config: TrainingConfig) -> nn.Module:
        """Fresh weights, as torch sets them."""
        channels = config.settings.get("channels")
        if not isinstance(channels, list) or not all(isinstance(width, int) for width in channels) or set(config.settings) != {"channels"}:
            raise ValueError("settings are the channels of the levels, such as {\"channels\": [16, 32, 64]}")
        if config.crop % multiple(channels):
            raise ValueError(f"crop must be a multiple of {multiple(channels)}")
        return cls.made(channels)

    @classmethod
    def made(cls, channels: list[int]) -> nn.Module:
        """One image in, what noise is in it out."""
        return unet(channels)

    def configure_optimizer(self) -> torch.optim.Optimizer:
        """AdamW, as diffusion models are trained."""
        return torch.optim.AdamW(self.network.parameters(), self.config.learning_rate, (0.9, self.config.beta2))

    def loss(self, sources: Tensor) -> tuple[Tensor, dict[str, float]]:
        """Mean squared error of the noise seen in windows (B, C, H, W) at steps drawn for each."""
        steps = (self.workers.uniform_like(sources[:, :1, :1, :1]) * STEPS).long().clamp(max=STEPS - 1)
        noise = self.workers.normal_like(sources)
        kept = alphas_cumprod().to(sources.device)[steps]
        with self.precision.layers():
            seen = noise_in(self.network, noised(2 * sources - 1, noise, kept), steps.flatten())
        error = (seen.float() - noise).square().mean()
        return error, {"noise": float(error.detach())}

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """Mean squared error of the noise seen by the averaged weights at each of `LEVELS`, `loss` their mean; `score` is minus that."""
        self.averaged.eval()
        windows, kept = 2 * self.validation["windows"][0].to(self.device) - 1, alphas_cumprod()
        errors = {}
        for step, noise in zip(LEVELS, self.validation["noise"]):
            noise = noise.to(self.device)
            seen = noise_in(self.averaged, noised(windows, noise, kept[step]), step)
            errors[f"step_{step}"] = float((seen - noise).square().mean())
        loss = float(np.mean(list(errors.values())))
        return {**errors, "loss": loss, "score": -loss}

    @classmethod
    def card_facts(cls, network: nn.Module, cases: list[PreparedCase]) -> dict:
        """The method, and what its prior is built from; nothing is measured."""
        return {"method": "ddfm", "prior": {"kind": "unet", "channels": list(vars(network)["block_out_channels"])}}
