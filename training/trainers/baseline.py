"""Training of the networks that FusionINN is compared with, in the loop of `loop/trainer.py`: same crops, same loss on the fused image, no
latent.

    BaselineTrainer(baseline_config("unet"), prepared, splits, run).run()
    fuser = load_fuser(run)

The loss is that of Kumar et al. 2024: 0.8 (1 - SSIM) + 0.2 MSE, mean over both sources. Whether a network has converged is seen from
`t1ce_flair_loss` in the run's log.csv; `best.pt` has the least.
"""
from pathlib import Path
from pickle import UnpicklingError

import numpy as np
import torch
from torch import Tensor

from FusionINNLib.errors import InputError, ModelError
from training.baselines import TRAINED, Fuser, build
from training.data.prepare import PreparedCase
from training.loop.config import TrainingConfig, load_config
from training.loop.trainer import Trainer
from training.losses.losses import fused_loss, ssim_map

LEARNING_RATE = 3e-4
"""Of Adam, as published."""


def baseline_config(name: str, **settings) -> TrainingConfig:
    """The settings of a baseline's run: those of every run, with its name as the preset and the published learning rate."""
    return TrainingConfig(**{"preset": name, "learning_rate": LEARNING_RATE} | settings)


class BaselineTrainer(Trainer):
    """One run of the network that `config.preset` names. Noise, coding, and the `_weight`s of the config do not apply."""

    def load_data(self, train: dict[str, list[PreparedCase]], val: dict[str, list[PreparedCase]]) -> None:
        """As `Trainer.load_data`. Raises InputError for a name that does not exist and a crop the network cannot take."""
        name, crop = self.config.preset, self.config.crop
        if name not in TRAINED:
            raise InputError(f"There is no network {name!r} to compare with: choose among {', '.join(TRAINED)}.")
        if crop % TRAINED[name].multiple:
            raise InputError(f"The setting crop must be a multiple of {TRAINED[name].multiple} for {name}.")
        super().load_data(train, val)

    def build_network(self) -> Fuser:
        """Fresh weights, as torch sets them."""
        return build(self.config.preset)

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

    def _validate_slice(self, sources: Tensor) -> dict[str, float]:
        first, second = sources[:, :1], sources[:, 1:]
        fused = self.averaged.fuse(first, second)
        q_ssim = _q_ssim(fused, first, second)
        gain = q_ssim - _q_ssim((first + second) / 2, first, second)
        return {"loss": float(fused_loss(fused, sources, self.config.ssim_share)), "q_ssim": q_ssim, "gain": gain}


def _q_ssim(fused: Tensor, first: Tensor, second: Tensor) -> float:
    """As in `FusionINNLib.metrics`, with data range 1."""
    return float((ssim_map(fused, first) + ssim_map(fused, second)).mean() / 2)


def load_fuser(run: Path, device: str = "cpu") -> Fuser:
    """The best weights of a run, ready to fuse. Raises ModelError where the run has none, or of another network."""
    try:
        fuser = build(load_config(run / "config.json").preset)
        fuser.load_state_dict(torch.load(run / "best.pt", map_location=device, weights_only=True))
    except OSError as problem:
        raise ModelError(f"{run.name} holds no best.pt with its config.json: train first, or give the folder of a run.") from problem
    except (RuntimeError, KeyError, ValueError, TypeError, EOFError, UnpicklingError) as problem:
        raise ModelError(f"The checkpoint of {run.name} is damaged or of another network: start a new run.") from problem
    return fuser.to(device).eval().requires_grad_(False)
