"""The published training of the `paper` preset (Kumar et al. 2024, section 4, and the authors' code), in the loop of `loop/trainer.py`.

    python -m training fit --set preset=paper ...      # `PublishedConfig`; loss=printed for Eqs. 2-4 to the letter

What is different from the authors' program, on purpose:

* Patients, not slices, are split into training and validation; theirs are split by slice, so that patients are on both sides.
* The learning rate follows the loss of the whole validation set; theirs that of its last batch.
* `best.pt`, which is exported, has the least validation loss; they save the last epoch, which is in `last.pt` here.
* Channel permutations come from a seed. An epoch is as long as there are slices; `validate_every` is an epoch of theirs (132 batches).
* Slices were cut to the head by `prepare` and are surrounded by background again, in the middle of the field of view.
"""
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.optim.lr_scheduler import ReduceLROnPlateau

from FusionINNLib.errors import InputError
from FusionINNLib.methods.fusioninn.flow import ActivationNorm
from FusionINNLib.methods.fusioninn.networks import FusionNetwork
from FusionINNLib.methods.fusioninn.released_checkpoint import PAPER_MARGIN
from training.data.crops import VALIDATED_SET, validation_slices
from training.data.paper_slices import CONTRASTS, SliceSampler, slice_sources
from training.data.prepare import PreparedCase
from training.loop.config import TrainingConfig
from training.losses.losses import total
from training.losses.paper import LOSSES, WIDTHS, ReleasedProgram, passes
from training.trainers.fusioninn import validate
from training.trainers.fusioninn_flow import FlowTrainer
from training.trainers.fusioninn_subnets import quicken


@dataclass(frozen=True)
class PublishedConfig(TrainingConfig):
    """The published values, from the authors' code: 400 epochs of 8448 whole slices (the crop is as large as they are), gradients as they
    come, no average of the weights. Settings of augmentation and schedule do not apply."""

    preset: str = "paper"
    learning_rate: float = 3e-4
    batch: int = 64
    crop: int = 240
    steps: int = 400 * 132
    validate_every: int = 132
    clip: float = 1e9
    beta2: float = 0.999
    average: float = 0.0
    loss: str = "released"  # or "printed": see losses/paper.py
    forward_share: float = 0.5  # alpha of the paper; `ssim_share` is its lambda

    def check(self) -> None:
        """Raises InputError for a loss that does not exist."""
        if self.loss not in LOSSES:
            raise InputError(f"There is no loss {self.loss!r}: choose {' or '.join(LOSSES)}.")


class PaperTrainer(FlowTrainer):
    """A run of the published training."""

    Config: ClassVar[type[TrainingConfig]] = PublishedConfig
    NORMALIZATION, MARGIN = "slice", PAPER_MARGIN
    sources_of: ClassVar[Callable] = staticmethod(slice_sources)
    config: PublishedConfig

    FACTOR, PATIENCE = 0.95, 8  # of the learning rate: times this after more than so many validations without a better loss

    def load_data(self, train: dict[str, list[PreparedCase]], val: dict[str, list[PreparedCase]]) -> None:
        """Slices of T1ce and FLAIR with labels 1 and 2, of all sets; some of `VALIDATED_SET` for figures."""
        c = self.config
        self.sampler, self.validation_sampler = (SliceSampler(cases, c.crop, c.seed) for cases in (train, val))
        self.validation = {"t1ce_flair": validation_slices(val[VALIDATED_SET], CONTRASTS, sources=slice_sources)}

    def build_network(self) -> FusionNetwork:
        """Fresh weights, with an activation normalisation that makes the first batch zero-mean and unit-variance."""
        network = super().build_network()
        assert isinstance(network, FusionNetwork)  # what `network_of` makes
        first = network.flow.flows[0]
        assert isinstance(first, ActivationNorm)  # of the published network
        first.initialize(torch.from_numpy(self._batch_of(self.sampler, 0)))
        quicken(network)
        return network

    def configure_optimizer(self) -> torch.optim.Optimizer:
        """Adam, and the plateau rule for its learning rate."""
        optimizer = super().configure_optimizer()
        self.plateau = ReduceLROnPlateau(optimizer, factor=self.FACTOR, patience=self.PATIENCE)
        return optimizer

    def set_learning_rate(self) -> None:
        """Nothing: `after_validation` does."""

    def draw_batch(self) -> np.ndarray:
        """This process's rows (B, 2, crop, crop) of the next slices of the epoch."""
        batch = self._batch_of(self.sampler, self.step)  # the whole of it: slices cost next to nothing beside a step
        return batch[self.workers.rows(len(batch))]

    def loss(self, sources: Tensor) -> tuple[Tensor, dict[str, float]]:
        """Total loss of a batch (B, 2, H, W) and its parts, released or printed."""
        seen = passes(self.network, sources, self.workers)
        parts = LOSSES[self.config.loss](seen, self.config.ssim_share, self.config.forward_share)
        return total(parts.values()), {name: float(part.detach()) for name, part in parts.items()}

    def validate(self) -> dict[str, float]:
        """Figures of what the released program gives, sigmoids and all; `score` is minus the validation loss.

        `raw_...` are those of the flow without sigmoids, as this project's program uses it: estimates f^-1([y, drawn]), which the network
        was not trained for, and the largest error of f^-1([y, z]), which is next to nothing.
        """
        loss = self.validation_loss()
        released, raw = (validate(program, self.validation, self.device) for program in (ReleasedProgram(self.averaged), self.averaged))
        kept = {f"raw_{name}": raw[f"t1ce_flair_{name}"] for name in ("gain", "estimate_1", "estimate_2")}
        return {"loss": loss, "rate": self.optimizer.param_groups[0]["lr"], **released, **kept, "raw_error": self._raw_error(),
                "score": -loss}

    @torch.no_grad()
    def validation_loss(self) -> float:
        """Mean of the loss over the whole batches of the validation slices, with the same noise each time."""
        c, totals = self.config, []
        torch.manual_seed(c.seed)
        for number in range(self.validation_sampler.batches(c.batch)):
            sources = torch.from_numpy(self._batch_of(self.validation_sampler, number)).to(self.device, memory_format=torch.channels_last)
            totals.append(float(sum(LOSSES[c.loss](passes(self.averaged, sources), c.ssim_share, c.forward_share).values())))
        return float(np.mean(totals))

    def after_validation(self, scores: dict[str, float]) -> None:
        """A lower learning rate where the loss has not fallen for long."""
        self.plateau.step(scores["loss"])

    def extra_state(self) -> dict:
        """The plateau rule's memory, and the learning rate that the run was to begin with."""
        return {"plateau": self.plateau.state_dict(), "learning_rate": self.config.learning_rate}

    def load_extra_state(self, state: dict) -> None:
        """Read what `extra_state` gave; where the setting was changed since, the rate changes in proportion."""
        self.plateau.load_state_dict(state["plateau"])
        for group in self.optimizer.param_groups:
            group["lr"] *= self.config.learning_rate / state["learning_rate"]

    @classmethod
    def logged_loss(cls, config: PublishedConfig, row: dict[str, str]) -> float:
        """Without what the latent loss adds whatever the latent is, see `losses.paper.discrepancy`.

        Left in, it would make every run look as if it stood still.
        """
        return float(row["loss"]) - config.forward_share * 2 * len(WIDTHS) / config.batch

    @classmethod
    def program(cls, network: FusionNetwork) -> ReleasedProgram:
        """The authors' program, with its sigmoids outside of the flow."""
        return ReleasedProgram(network)

    @classmethod
    def exported(cls, network: FusionNetwork) -> FusionNetwork:
        """As it is: the published network exchanges no digits."""
        return network

    def _batch_of(self, sampler: SliceSampler, number: int) -> np.ndarray:
        return sampler.batch(number, self.config.batch, np.random.default_rng([self.config.seed, number]))

    @torch.no_grad()
    def _raw_error(self) -> float:
        pairs = (torch.from_numpy(pair)[None].to(self.device) for pair in self.validation["t1ce_flair"])
        return max(float((self.averaged.decompose(*self.averaged.fuse(pair)) - pair).abs().max()) for pair in pairs)
