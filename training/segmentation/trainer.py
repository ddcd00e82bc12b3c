"""Training of the networks that suggest outlines, CSAD and others, on slices of the canvas.

    python -m training segment-fit --canvas DIR --splits FILE --runs DIR

Published of CSAD's training: nothing. All numbers here are ours. Nothing is chosen on validation patients: the last weights are kept.
"""
import copy
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from FusionINNLib.errors import InputError
from FusionINNLib.outlining.attention import NORMS
from FusionINNLib.outlining.networks import SHIPPED, build, slices_of
from training.data.canvas_cases import check
from training.data.lesion_slices import SliceSampler, volume_rows
from training.data.prepare import PreparedCase
from training.loop.config import TrainingConfig
from training.loop.statistics import copy_statistics
from training.loop.trainer import Trainer
from training.losses.outlines import outline_loss


@dataclass(frozen=True)
class OutlineConfig(TrainingConfig):
    """The settings of a run. `settings`: of `outlining.networks.build`.

    distill: weight of the distillation, 0 for none. distill_after: share of the steps before it sets in (Hou et al. add it to a partly
    trained network). attention: norm of the maps. clip: at 1, which the faithful attention maps need.
    """

    settings: dict = field(default_factory=lambda: dict(SHIPPED))
    steps: int = 800
    batch: int = 8
    crop: int = 96
    learning_rate: float = 2e-3
    beta2: float = 0.999
    warm_up: int = 30
    average: float = 0.99
    lgg_share: float = 0.5
    validate_every: int = 400
    distill: float = 0.0
    distill_after: float = 0.2
    attention: str = "softmax_sum"

    def check(self) -> None:
        """Raises InputError for values of a trainer's own settings that make no sense."""
        if self.attention not in NORMS or self.distill < 0 or not 0 <= self.distill_after <= 1:
            raise InputError(f"attention must be one of {', '.join(NORMS)}, distill at least 0, and distill_after a share: set them so.")


class OutlineTrainer(Trainer):
    """One run of the network that `config.settings` describes."""

    Config: ClassVar[type[TrainingConfig]] = OutlineConfig

    config: OutlineConfig

    def load_data(self, train: dict[str, list[PreparedCase]], val: dict[str, list[PreparedCase]]) -> None:
        """As `Trainer.load_data`. Raises InputError for cases that were not prepared for segmentation."""
        slices = slices_of(self.config.settings)
        cases = {name: [check(case) for case in chosen] for name, chosen in train.items()}
        self.sampler = SliceSampler(cases, self.shares(cases), slices)
        self.validated = {name: [(*volume_rows(check(case), slices), case.labels) for case in chosen] for name, chosen in val.items()}

    @classmethod
    def network_of(cls, config: TrainingConfig) -> nn.Module:
        """Fresh weights, as torch sets them."""
        return build(config.settings)

    def loss(self, sources: Tensor) -> tuple[Tensor, dict[str, float]]:
        """Of rows (B, 2 * slices + 1, H, W) of the sampler."""
        slices = slices_of(self.config.settings)
        with self.precision.layers():
            answer = self.network(sources[:, :slices], sources[:, slices:-1])
        is_distilled = self.step >= self.config.distill_after * self.config.steps
        return outline_loss(answer, sources[:, -1:], self.config.distill if is_distilled else 0.0, self.config.attention)

    def on_step(self, parts: dict[str, float]) -> None:
        """The averaged weights go with the batch statistics of the network."""
        copy_statistics(self.network, self.averaged)

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """Dice on the canvas by set, mean over patients; `score` is the step, so that the last weights are the ones that are kept."""
        network = copy.deepcopy(self.averaged).eval()
        scores = {f"dice_{name}": float(np.mean([self._dice(network, *case) for case in cases]))
                  for name, cases in self.validated.items() if cases}
        return scores | {"score": float(self.step)}

    def _dice(self, network: nn.Module, first: np.ndarray, second: np.ndarray, labels: np.ndarray) -> float:
        found = np.concatenate([self._marked(network, first[k:k + 16], second[k:k + 16]) for k in range(0, len(first), 16)])
        return float(2 * (found & (labels > 0)).sum() / max(1, found.sum() + (labels > 0).sum()))

    def _marked(self, network: nn.Module, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        answer = network(*(torch.from_numpy(image).to(self.device) for image in (first, second)))
        return (answer.logits[:, 0] > 0).cpu().numpy()

    @classmethod
    def logged_loss(cls, config: TrainingConfig, row: dict[str, str]) -> float:
        """1 - mean Dice of the sets that were validated on."""
        return 1 - float(np.mean([float(value) for name, value in row.items() if name.startswith("dice_")]))
