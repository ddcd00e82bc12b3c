"""Training of this project's own network, `default`: losses of `losses/losses.py`, and the figures by which its best weights are chosen."""
from dataclasses import dataclass, fields
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from FusionINNLib.methods.fusioninn.networks import FusionNetwork
from FusionINNLib.volumes.foreground import foreground
from training.data.augment import BACKGROUND
from training.loop.config import TrainingConfig
from training.losses.losses import (
    background_loss,
    coding_noise,
    edge_loss,
    estimate_loss,
    fused_loss,
    likelihood_loss,
    salient_loss,
    ssim_map,
    statistics_loss,
    texture_loss,
    total,
)
from training.losses.paper import ReleasedProgram
from training.trainers.fusioninn_flow import FlowTrainer

BEST_SCORE = 2.0  # about what `score` would reach with estimates that are the sources


@dataclass(frozen=True)
class FusionInnConfig(TrainingConfig):
    """Its settings besides those of every run."""

    preset: str = "default"
    fused_weight: float = 0.6
    salient_weight: float = 0.2
    edge_weight: float = 0.05
    background_weight: float = 2.0
    texture_weight: float = 0.1
    estimate_weight: float = 1.0
    crps_weight: float = 0.5
    likelihood_weight: float = 0.005
    statistics_weight: float = 0.05
    noise: float = 0.001  # standard deviation added to the sources: gives flat regions a finite density
    coding: float = 0.006  # largest step of the simulated rounding of the fused image, on its 0..1 scale


FusionInnConfig.CHANGEABLE = TrainingConfig.CHANGEABLE | {item.name for item in fields(FusionInnConfig) if item.name.endswith("_weight")}


class FusionInnTrainer(FlowTrainer):
    """One run of the default network."""

    Config: ClassVar[type[TrainingConfig]] = FusionInnConfig
    config: FusionInnConfig

    def loss(self, sources: Tensor) -> tuple[Tensor, dict[str, float]]:
        """Total loss of a batch (B, 2, H, W), or of this process's rows of one, and its parts: means over rows."""
        c, workers = self.config, self.workers
        head = foreground(sources.split(1, 1)).float()
        background = (sources.amax(1, keepdim=True) <= BACKGROUND).float()
        sources = sources + c.noise * workers.normal_like(sources)
        fused, latent, log_det = self.network(sources)
        coded = coding_noise(fused, c.coding, workers)
        drawn = torch.cat([workers.normal_like(latent), workers.normal_like(latent)])
        draws = self.network.decompose(coded.repeat(2, 1, 1, 1), drawn).chunk(2)
        parts = {"fused": c.fused_weight * fused_loss(fused, sources, c.ssim_share),
                 "salient": c.salient_weight * salient_loss(fused, sources),
                 "edge": c.edge_weight * edge_loss(fused, sources, head),
                 "texture": c.texture_weight * texture_loss(fused, sources, head),
                 "background": c.background_weight * background_loss(fused, sources, background),
                 "estimate": c.estimate_weight * estimate_loss(draws, sources, c.ssim_share, c.crps_weight),
                 "likelihood": c.likelihood_weight * likelihood_loss(latent, log_det),
                 "statistics": c.statistics_weight * statistics_loss(latent, fused, head)}
        return total(parts.values()), {name: float(part.detach()) for name, part in parts.items()}

    def validate(self) -> dict[str, float]:
        """Figures of the averaged weights, in the first process; the greatest `score` is kept as the best."""
        return validate(self.averaged, self.validation, self.device)

    @classmethod
    def logged_loss(cls, config: TrainingConfig, row: dict[str, str]) -> float:
        """These runs log no loss: how far the score is from the best."""
        return BEST_SCORE - float(row["score"])


@torch.no_grad()
def validate(network: FusionNetwork | ReleasedProgram, validation: dict[str, list[np.ndarray]], device: torch.device,
             samples: int = 8) -> dict[str, float]:
    """Quick figures on cropped validation slices; `python -m training evaluate` gives the ones to publish.

    `score`, which picks the best weights, is the estimate from 8-bit storage inside the head, plus the fused image's similarity to
    both sources where it is below the average's, plus a twentieth of how much better than the average it keeps their edges.
    """
    result: dict[str, float] = {}
    for name, slices in validation.items():
        rows = [_validate_slice(network, torch.from_numpy(pair)[None].to(device), samples) for pair in slices]
        result |= {f"{name}_{key}": float(np.mean([row[key] for row in rows])) for key in rows[0]}
    first = next(iter(validation))
    result["score"] = sum(result[f"{first}_{key}"] for key in ("estimate8_1", "estimate8_2")) + min(
        result[f"{first}_gain"], 0.0) + result[f"{first}_edges"] / 20
    return result


def _validate_slice(network: FusionNetwork | ReleasedProgram, sources: Tensor, samples: int) -> dict[str, float]:
    fused, latent = network.fuse(sources)
    head = foreground(sources.split(1, 1)).float()
    inside = (head[..., 5:-5, 5:-5] > 0).float()
    average = sources.mean(1, keepdim=True)
    generator = torch.Generator().manual_seed(0)
    drawn = torch.randn((samples, *latent.shape[1:]), generator=generator).to(latent)
    z = latent[head > 0]
    centred = z - z.mean()
    unit = (latent - z.mean()) / z.std() * head
    right = (unit[..., :-1] * unit[..., 1:]).sum() / (head[..., :-1] * head[..., 1:]).sum()
    low, high = float(fused.min()), float(fused.max())
    step = (high - low) / 255

    def inside_mean(a: Tensor, b: Tensor) -> float:
        return float((ssim_map(a, b) * inside).sum() / inside.sum())

    def estimate(image: Tensor) -> Tensor:
        return network.decompose(image.expand(samples, -1, -1, -1), drawn)

    draws, coded = estimate(fused), estimate(torch.round((fused - low) / step) * step + low).mean(0, keepdim=True)
    floating = draws.mean(0, keepdim=True)
    spread = draws.var(0, keepdim=True).mul(head).sum().sqrt()  # of the head as a whole: 1 where the spread is the true error
    error = (floating - sources).square().mul(head).sum().sqrt()
    x1, x2 = sources[:, :1], sources[:, 1:]
    return {"edges": float((edge_loss(average, sources, head) - edge_loss(fused, sources, head)) / head.mean()),
            "gain": float((ssim_map(fused, x1) + ssim_map(fused, x2) - ssim_map(average, x1) - ssim_map(average, x2)).mean()),
            "estimate_1": inside_mean(floating[:, :1], x1), "estimate_2": inside_mean(floating[:, 1:], x2),
            "spread": float(spread / error),
            "whole": float(ssim_map(floating.transpose(0, 1), sources.transpose(0, 1)).mean()),
            "estimate8_1": inside_mean(coded[:, :1], x1), "estimate8_2": inside_mean(coded[:, 1:], x2),
            "z_mean": float(z.mean()), "z_sd": float(z.std()), "z_kurtosis": float((centred ** 4).mean() / z.var() ** 2 - 3),
            "z_neighbour": float(right), "z_fused": float(torch.corrcoef(torch.stack([z, fused[head > 0]]))[0, 1])}
