"""Training of one row of Table 2: the published loss on the published slices, on a schedule that a CPU can pay for.

What is different from `PaperTrainer`: crops of whole slices, background and all, in the place of whole slices; the latent on the way back
may be of another kind; the learning rate follows a cosine instead of the plateau rule, which would need hundreds of epochs; and a
validation is only a loss.
"""
import json
from dataclasses import asdict
from itertools import count
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from FusionINNLib.errors import InputError
from FusionINNLib.methods.fusioninn.flow import ActivationNorm
from FusionINNLib.methods.fusioninn.networks import FusionNetwork
from training.ablation.slices import WholeSliceCrops
from training.ablation.variants import PRIORS, Variant
from training.data.prepare import PreparedCase
from training.loop.trainer import Trainer
from training.losses.losses import total
from training.losses.paper import LOSSES, Passes, ReleasedProgram
from training.trainers.paper import PaperTrainer, PublishedConfig

LEAST_SPREAD = 0.01  # of each source in the first batch, on 0..1
RECORD = "variant.json"  # beside config.json: what a run is, since the latent's kind is no setting of a training in general


class AblationTrainer(PaperTrainer):
    """One row.

    Raises InputError where the folder holds a run of another row.
    """

    def __init__(self, variant: Variant, config: PublishedConfig, prepared: Path, splits: Path, folder: Path, device: str = "cpu"):
        self.variant = variant
        _check_record(folder, variant)
        super().__init__(config, prepared, splits, folder, device)

    def load_data(self, train: dict[str, list[PreparedCase]], val: dict[str, list[PreparedCase]]) -> None:
        """Crops of both parts of the split."""
        self.sampler, self.validation_sampler = (WholeSliceCrops(cases, self.config.crop, self.config.seed) for cases in (train, val))

    def build_network(self) -> FusionNetwork:
        """As published. The batch that the activation normalisation begins with must show something: these crops may be background."""
        network = super().build_network()
        batches = (self._batch_of(self.sampler, number) for number in count())
        lively = next(batch for batch in batches if (batch.std((0, 2, 3)) > LEAST_SPREAD).all())
        first = network.flow.flows[0]
        assert isinstance(first, ActivationNorm)  # of the published network
        first.initialize(torch.from_numpy(lively))
        return network

    def set_learning_rate(self) -> None:
        """Warm-up, plateau, cosine."""
        Trainer.set_learning_rate(self)

    def after_validation(self, scores: dict[str, float]) -> None:
        """Nothing: the learning rate goes by the step."""

    def loss(self, sources: Tensor) -> tuple[Tensor, dict[str, float]]:
        """As published, with this row's latent."""
        parts = self._parts(self.network, sources)
        return total(parts.values()), {name: float(part.detach()) for name, part in parts.items()}

    def validate(self) -> dict[str, float]:
        """The validation loss; `score` is minus it."""
        loss = self.validation_loss()
        return {"loss": loss, "score": -loss}

    @torch.no_grad()
    def validation_loss(self) -> float:
        """Mean over the whole batches of the validation slices, with the same noise each time."""
        totals = []
        torch.manual_seed(self.config.seed)
        for number in range(self.validation_sampler.batches(self.config.batch)):
            sources = torch.from_numpy(self._batch_of(self.validation_sampler, number)).to(self.device, memory_format=torch.channels_last)
            totals.append(float(sum(self._parts(self.averaged, sources).values())))
        return float(np.mean(totals))

    def _parts(self, network: FusionNetwork, sources: Tensor) -> dict[str, Tensor]:
        prior, program = PRIORS[self.variant.prior], ReleasedProgram(network)
        fused, latent = program.fuse(sources)
        normal, drawn = torch.randn_like(latent), prior(latent)
        seen = Passes(sources, fused, latent, normal, program.decompose(fused, drawn))
        return LOSSES[self.config.loss](seen, self.config.ssim_share, self.config.forward_share)


def _check_record(folder: Path, variant: Variant) -> None:
    """Write what the run is, or see that it is that."""
    path = folder / RECORD
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(variant), indent=1) + "\n", encoding="utf-8")
        return
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as problem:
        raise InputError(f"{path} is damaged: remove the folder {folder.name} and train that row again.") from problem
    if known != asdict(variant):
        raise InputError(f"{folder} holds a run of another row of the table: choose another folder for --runs.")
