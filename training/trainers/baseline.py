"""Training of the networks that FusionINN is compared with, in the loop of `loop/trainer.py`: same crops, same loss on the fused image, no
latent.

    BaselineTrainer(BaselineConfig("unet"), prepared, splits, run).run()
    fuser = load_run(run, TRAINERS)

The loss is that of Kumar et al. 2024: 0.8 (1 - SSIM) + 0.2 MSE, mean over both sources. Whether a network has converged is seen from
`t1ce_flair_loss` in the run's log.csv; `best.pt` has the least.
"""
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from FusionINNLib.errors import InputError
from training import baselines
from training.baselines import TRAINED, Fuser, build
from training.data.prepare import PreparedCase
from training.loop.config import TrainingConfig
from training.loop.trainer import Trainer
from training.losses.losses import fused_loss, ssim_map


@dataclass(frozen=True)
class BaselineConfig(TrainingConfig):
    """The settings of a baseline's run: those of every run, with its name as the preset and the published learning rate."""

    learning_rate: float = 3e-4


class BaselineTrainer(Trainer):
    """One run of the network that `config.preset` names."""

    Config: ClassVar[type[TrainingConfig]] = BaselineConfig

    def load_data(self, train: dict[str, list[PreparedCase]], val: dict[str, list[PreparedCase]]) -> None:
        """As `Trainer.load_data`. Raises InputError for a name that does not exist and a crop the network cannot take."""
        name, crop = self.config.preset, self.config.crop
        if name not in TRAINED:
            raise InputError(f"There is no network {name!r} to compare with: choose among {', '.join(TRAINED)}.")
        if crop % TRAINED[name].multiple:
            raise InputError(f"The setting crop must be a multiple of {TRAINED[name].multiple} for {name}.")
        super().load_data(train, val)

    @classmethod
    def network_of(cls, config: TrainingConfig) -> Fuser:
        """Fresh weights, as torch sets them."""
        return build(config.preset)

    def loss(self, sources: Tensor) -> tuple[Tensor, dict[str, float]]:
        """Total loss of a batch (B, 2, H, W) and its parts, of which there is one."""
        with self.precision.layers():
            fused = self.network(sources[:, :1], sources[:, 1:])
        total = fused_loss(fused.float(), sources, self.config.ssim_share)
        return total, {"fused": float(total.detach())}

    def train_step(self) -> dict[str, float]:
        """As `Trainer.train_step`. A step that was dropped leaves no trace in the batch normalisation either."""
        before = [buffer.clone() for buffer in self.network.buffers()]
        parts = super().train_step()
        if not np.isfinite(parts["norm"]):
            for buffer, kept in zip(self.network.buffers(), before):
                buffer.copy_(kept)
        self._average_statistics()
        return parts

    @torch.no_grad()
    def _average_statistics(self) -> None:
        """The averaged weights need statistics of batch normalisation that were averaged alike."""
        decay = min(self.config.average, self.step / (self.step + 10))
        for mean, now in zip(self.averaged.buffers(), self.network.buffers()):
            if mean.is_floating_point():
                mean.lerp_(now, 1 - decay)
            else:
                mean.copy_(now)

    def validate(self) -> dict[str, float]:
        """Loss, Q_SSIM, and its gain over the plain average on each set of validation slices; `score` is minus the first set's loss."""
        self.averaged.eval()
        result = {}
        for name, slices in self.validation.items():
            rows = [self._validate_slice(torch.from_numpy(np.ascontiguousarray(pair))[None].to(self.device)) for pair in slices]
            result |= {f"{name}_{key}": float(np.mean([row[key] for row in rows])) for key in rows[0]}
        return {**result, "score": -result[f"{next(iter(self.validation))}_loss"]}

    @classmethod
    def fuser(cls, network: Fuser) -> Fuser:
        """The network itself."""
        return network

    @classmethod
    def code_files(cls) -> list[Path]:
        """All of baselines/."""
        return list(Path(baselines.__file__).parent.glob("*.py"))

    @classmethod
    def logged_loss(cls, config: TrainingConfig, row: dict[str, str]) -> float:
        """That of the first set of validation slices."""
        return float(row["t1ce_flair_loss"])

    def _validate_slice(self, sources: Tensor) -> dict[str, float]:
        first, second = sources[:, :1], sources[:, 1:]
        fused = self.averaged.fuse(first, second)
        q_ssim = _q_ssim(fused, first, second)
        gain = q_ssim - _q_ssim((first + second) / 2, first, second)
        return {"loss": float(fused_loss(fused, sources, self.config.ssim_share)), "q_ssim": q_ssim, "gain": gain}


def _q_ssim(fused: Tensor, first: Tensor, second: Tensor) -> float:
    """As in `FusionINNLib.metrics`, with data range 1."""
    return float((ssim_map(fused, first) + ssim_map(fused, second)).mean() / 2)
