"""The training loop: named steps, one folder a run, complete checkpoints, resume after an interruption.

    RUN/config.json   what was asked          RUN/log.csv    one line a validation
    RUN/last.pt       everything to go on     RUN/best.pt    averaged weights with the best validation
    RUN/start.pt      weights to begin with, where the run does not begin afresh

Several processes train one run together, see distributed.py: each does the steps, the first one validates, logs and saves.
"""
import copy
import io
import time
from collections.abc import Callable
from pathlib import Path
from pickle import UnpicklingError
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from FusionINNLib import leftovers
from FusionINNLib.atomic import replacing
from FusionINNLib.errors import InputError, ModelError
from training.baselines import Fuser
from training.data.crops import VALIDATED_SET, CropSampler, load_split, validation_slices
from training.data.prepare import PreparedCase
from training.distributed import ALONE, Workers
from training.loop import log
from training.loop.config import TrainingConfig
from training.loop.precision import Precision
from training.losses.losses import learning_rate

START, LOG = "start.pt", "log.csv"


class Step(nn.Module):
    """The loss of a batch as what one module gives, whatever ways through the network it looks at: gradients can be averaged so."""

    def __init__(self, network: nn.Module, loss: Callable[[Tensor], tuple[Tensor, dict[str, float]]]):
        super().__init__()
        self.network, self.loss = network, loss

    def forward(self, sources: Tensor) -> tuple[Tensor, dict[str, float]]:
        """As `Trainer.loss`."""
        return self.loss(sources)


class Trainer:
    """One run: `SomeTrainer(config, ...).run()`. Subclasses, in trainers/, fill in hooks and change none of the loop.

    Args:
        device: of this process.
        workers: the processes that train the run together; `config.batch` is that of all of them.
    """

    Config: ClassVar[type[TrainingConfig]] = TrainingConfig
    CARD_KEYS: ClassVar[frozenset[str]] = frozenset()  # of `card_facts`
    STORED: ClassVar[torch.dtype] = torch.float32  # of weights in a model folder
    MEMORY_FORMAT: ClassVar[torch.memory_format] = torch.channels_last  # of weights and batches; channels_last_3d where those are volumes

    def __init__(self, config: TrainingConfig, prepared: Path, splits: Path, folder: Path, device: str = "cpu", workers: Workers = ALONE):
        self.config, self.prepared, self.folder = config, prepared, folder
        self.device, self.workers = torch.device(device), workers
        workers.rows(config.batch)  # said before anything is read
        torch.set_num_threads(config.threads)
        train, val = load_split(prepared, splits, "train"), load_split(prepared, splits, "val")
        if not val.get(VALIDATED_SET):
            raise InputError(f"The split names no 'val' cases of {VALIDATED_SET}, by which the best weights are chosen: add some.")
        self.load_data(train, val)
        torch.manual_seed(config.seed)
        # PyTorch's types leave this form out.
        self.network = self.build_network().to(self.device, memory_format=self.MEMORY_FORMAT)  # pyright: ignore[reportCallIssue]
        self.averaged = copy.deepcopy(self.network).requires_grad_(False)
        self.precision = Precision(config.precision, self.device)
        self.lower_precision()
        self.optimizer = self.configure_optimizer()
        self.one_step = workers.parallel(Step(self.network, self.loss), self.device)
        self.step, self.best, self.seconds = 0, -np.inf, 0.0

    # ---- hooks -------------------------------------------------------------------------------------------------------------------

    def load_data(self, train: dict[str, list[PreparedCase]], val: dict[str, list[PreparedCase]]) -> None:
        """Set `sampler`, which draws batches, and `validation`, name -> slices (2, J, I), from the cases of both parts of the split."""
        self.sampler = CropSampler(train, self.shares(train), self.config.crop)
        self.validation = {"t1ce_flair": validation_slices(val[VALIDATED_SET], ("t1ce", "flair")),
                           "t2_flair": validation_slices(val[VALIDATED_SET], ("t2", "flair"), per_case=2)}

    def shares(self, cases: dict) -> dict[str, float]:
        """How often each set of cases is drawn."""
        share, drawn = self.config.lgg_share, [name for name in cases if cases[name]]
        return {name: share if name == "lgg" else (1 - share) / (len(drawn) - ("lgg" in drawn)) for name in drawn}

    @classmethod
    def network_of(cls, config: TrainingConfig) -> nn.Module:
        """The network of a config, to read weights into. Raises ValueError or TypeError for settings that make none."""
        raise NotImplementedError

    def build_network(self) -> nn.Module:
        """The network of the config with the weights that training begins with."""
        return self.network_of(self.config)

    def lower_precision(self) -> None:
        """Let parts of `network` compute in `precision.dtype` where that is set so; names of weights stay."""

    def fitted(self, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        """Averaged weights of another run as this network can begin with them. Raises ValueError where it cannot."""
        return weights

    def configure_optimizer(self) -> torch.optim.Optimizer:
        """Adam, as published."""
        return torch.optim.Adam(self.network.parameters(), self.config.learning_rate, (0.9, self.config.beta2))

    def set_learning_rate(self) -> None:
        """By the number of the step: warm-up, plateau, cosine."""
        c = self.config
        rate = learning_rate(self.step, c.steps, c.learning_rate, c.warm_up, c.flat)
        for group in self.optimizer.param_groups:
            group["lr"] = rate

    def draw_batch(self) -> np.ndarray:
        """This process's rows (B, 2, H, W) float32 of the batch, which goes by the number of the step alone."""
        rows = range(self.config.batch)[self.workers.rows(self.config.batch)]
        return self.sampler.batch(rows, [self.config.seed, self.step])

    def loss(self, sources: Tensor) -> tuple[Tensor, dict[str, float]]:
        """Total loss of a batch (B, 2, H, W), or of this process's rows of one, and its parts: means over rows."""
        raise NotImplementedError

    def on_step(self, parts: dict[str, float]) -> None:
        """Told the parts of the loss after each step."""

    def validate(self) -> dict[str, float]:
        """Figures of the averaged weights, in the first process; the greatest `score` is kept as the best."""
        raise NotImplementedError

    def after_validation(self, scores: dict[str, float]) -> None:
        """Told the figures, in every process, before everything is saved."""

    def extra_state(self) -> dict:
        """What else a checkpoint holds: tensors and plain values."""
        return {}

    def load_extra_state(self, state: dict) -> None:
        """Read what `extra_state` gave, from a whole checkpoint."""

    # ---- hooks for what comes after ----------------------------------------------------------------------------------------------

    @classmethod
    def logged_loss(cls, config: TrainingConfig, row: dict[str, str]) -> float:
        """What convergence is judged by, from a row of log.csv: the validation loss, without what no training could change in it."""
        return float(row["loss"])

    @classmethod
    def fuser(cls, network: nn.Module) -> Fuser:
        """A trained network as a method that is compared with others."""
        raise NotImplementedError

    @classmethod
    def code_files(cls) -> list[Path]:
        """What that fuser computes with: where one of these files changes, it is measured again."""
        raise NotImplementedError

    @classmethod
    def exported(cls, network: nn.Module) -> nn.Module:
        """A trained network as a model folder is to hold it: its weights rounded to `STORED`; they are used in float32."""
        return network.to(cls.STORED)

    @classmethod
    def card_facts(cls, network: nn.Module, cases: list[PreparedCase]) -> dict:
        """What the card of an exported network says of its input and output, measured on training cases; JSON-ready.

        Raises ModelError for a network that is compared with others but is none of this program's models.
        """
        raise ModelError("Only a fusion method of this program becomes a model: this run trained a network to compare with.")

    # ---- loop --------------------------------------------------------------------------------------------------------------------

    def run(self, report=print) -> None:
        """Train to the last step, validating and saving on the way."""
        if self.workers.is_first:
            self.folder.mkdir(parents=True, exist_ok=True)
            leftovers.clear_files(self.folder)
            self.config.save(self.folder / "config.json")
        if (self.folder / "last.pt").exists():
            self.resume()
            if self.workers.is_first:
                report(f"going on after step {self.step}")
        elif (self.folder / START).exists():
            self.start_from(self.folder / START)
        if self.workers.is_first:
            log.cut(self.folder / LOG, self.step)
        started = time.perf_counter() - self.seconds
        while self.step < self.config.steps:
            parts = self.train_step()
            self.seconds = time.perf_counter() - started
            self.on_step(parts)
            if self.step % self.config.validate_every == 0 or self.step == self.config.steps:
                self.on_validation(parts, report)

    def train_step(self) -> dict[str, float]:
        """One batch, drawn by step number: the same batch whether or not the run was interrupted."""
        c = self.config
        self.set_learning_rate()
        batch = self.draw_batch()
        torch.manual_seed(c.seed * 1_000_003 + self.step)
        sources = torch.from_numpy(batch).to(self.device, memory_format=self.MEMORY_FORMAT)
        loss, parts = self.one_step(sources)
        self.optimizer.zero_grad(set_to_none=True)
        self.precision.backward(loss, self.optimizer)
        parts = self.workers.mean(parts, self.device)
        parts["norm"] = float(nn.utils.clip_grad_norm_(self.network.parameters(), c.clip))
        self.precision.update(self.optimizer, np.isfinite(parts["norm"]))
        self.step += 1
        decay = min(c.average, self.step / (self.step + 10))
        with torch.no_grad():
            for mean, now in zip(self.averaged.parameters(), self.network.parameters()):
                mean.lerp_(now, 1 - decay)
        return parts

    def on_validation(self, parts: dict[str, float], report) -> None:
        """Validate the averaged weights, log, and save. The others are told the figures, by which learning rates may go."""
        scores = self.workers.told(self.validate() if self.workers.is_first else None)
        self.after_validation(scores)
        if not self.workers.is_first:
            return
        row = {"step": self.step, "seconds": round(self.seconds), **parts, **scores}
        report(" ".join(f"{name} {value:.4g}" for name, value in row.items()))
        log.append(self.folder / LOG, row)
        if scores["score"] > self.best:
            self.best = scores["score"]
            _save(self.averaged.state_dict(), self.folder / "best.pt")
        self.save()

    # ---- checkpoints -------------------------------------------------------------------------------------------------------------

    def save(self) -> None:
        """Everything needed to go on as if nothing had happened."""
        _save({"network": self.network.state_dict(), "averaged": self.averaged.state_dict(), "optimizer": self.optimizer.state_dict(),
               "step": self.step, "best": self.best, "seconds": self.seconds, **self.precision.state(), **self.extra_state()},
              self.folder / "last.pt")

    def start_from(self, path: Path) -> None:
        """Begin with the averaged weights of another run."""
        weights = torch.load(path, map_location=self.device, weights_only=True)
        try:
            weights = self.fitted(weights)
            self.network.load_state_dict(weights)
        except (RuntimeError, ValueError) as problem:
            raise InputError(f"{path.name} holds weights of another network: start from a run with the same settings.") from problem
        self.averaged.load_state_dict(weights)

    def resume(self) -> None:
        """Read what `save` wrote. Raises ModelError where it is damaged or of another network."""
        try:
            state = torch.load(self.folder / "last.pt", map_location=self.device, weights_only=True)
            self.network.load_state_dict(state["network"])
            self.averaged.load_state_dict(state["averaged"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.precision.load_state(state)
            self.load_extra_state(state)
        except (RuntimeError, KeyError, ValueError, EOFError, UnpicklingError) as problem:
            raise ModelError(f"The checkpoint of {self.folder.name} is damaged or of another network: start a new run.") from problem
        self.step, self.best, self.seconds = state["step"], state["best"], state["seconds"]


def checkpoint_step(folder: Path) -> int:
    """Step of the last checkpoint of a run. Raises ModelError where it is damaged."""
    try:
        return torch.load(folder / "last.pt", map_location="cpu", weights_only=True)["step"]
    except (RuntimeError, KeyError, ValueError, EOFError, UnpicklingError) as problem:
        raise ModelError(f"The checkpoint last.pt of {folder.name} is damaged: start a new run.") from problem


def _save(state: dict, path: Path) -> None:
    content = io.BytesIO()  # into a file, torch would say of a full disk what nobody understands
    torch.save(state, content)
    with replacing(path) as file:
        file.write(content.getbuffer())
