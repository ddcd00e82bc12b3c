"""The methods that are compared, each ready to fuse, or with the reason why it is not."""
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from pathlib import Path

from FusionINNLib.errors import FusionINNError, InputError
from FusionINNLib.methods import registry
from FusionINNLib.methods.base import MethodInfo, SliceMethod
from training import baselines
from training.baselines import Fuser
from training.benchmark.published import PROPOSED
from training.benchmark.registered import RegisteredFuser
from training.cached import checksum, source_checksum
from training.loop.config import load_config
from training.loop.convergence import Convergence, convergence_of
from training.loop.export import load_run
from training.trainers.registry import TRAINERS, load_model

AVERAGE = "average"  # what every other method is compared with: it needs no network
DEFAULT = registry.DEFAULT


@dataclass(frozen=True)
class Row:
    """How a method is called. title: in the tables. short_title: in pictures."""

    title: str
    short_title: str


def rows() -> dict[str, Row]:
    """All methods by name, in the order of the table: those that need no training, networks to compare with, others, this program's own."""
    own = registry.info(DEFAULT)
    others = [registry.info(name) for name in registry.names() if name != own.name]
    plain = [row for row in others if not row.capabilities.needs_training]
    titles = _titles(plain) | _titles(baselines.ROWS) | _titles([row for row in others if row not in plain])
    return {name: Row(title, title) for name, title in titles.items()} | {
        PROPOSED: Row(f"{own.title} (published network, trained here)", f"{own.title}, published"),
        own.name: Row(f"{own.title} (default model)", f"{own.title}, default")}


def _titles(infos: Iterable[MethodInfo]) -> dict[str, str]:
    return {info.name: info.title for info in infos}


class State(Enum):
    """What there is of a method to measure; the value is for readers."""

    UNTRAINABLE = "needs no training"
    TRAINED = "trained here"
    SHIPPED = "shipped model"
    NOT_TRAINED = "not trained"
    NOT_RUN = "not run yet"


@dataclass(frozen=True)
class Method:
    """One row. fuser: None for a method that is not there; convergence: of a method that was trained in a run."""

    key: str
    fuser: Fuser | None
    state: State
    convergence: Convergence | None = None
    code: str = ""  # checksum of the code that computes it

    @property
    def title(self) -> str:
        """As in the table."""
        return rows()[self.key].title

    @property
    def short_title(self) -> str:
        """As in pictures."""
        return rows()[self.key].short_title

    @property
    def state_words(self) -> str:
        """For readers: of a run, how far its training went."""
        return self.convergence.words if self.state is State.TRAINED and self.convergence else self.state.value

    @property
    def is_measured(self) -> bool:
        """Whether there is something to measure."""
        return self.fuser is not None and self.state not in (State.NOT_RUN, State.NOT_TRAINED)

    @property
    def is_ranked(self) -> bool:
        """Whether it takes part in the ranking: trained to a plateau, shipped as it is, or without training."""
        return self.is_measured and (self.convergence is None or self.convergence.is_converged or self.state is State.SHIPPED)

    @property
    def parameters(self) -> int | None:
        """Numbers that are learnt."""
        return self.fuser.parameter_count if self.fuser else None

    @property
    def ready(self) -> Fuser:
        """What fuses; of a method that `is_measured` or that is timed."""
        assert self.fuser is not None  # see `is_measured`
        return self.fuser

    @cached_property
    def checksum(self) -> str:
        """SHA-256 of weights and code."""
        weights = [tensor.detach().cpu().contiguous().numpy().tobytes() for tensor in self.ready.state_dict().values()]
        return checksum([self.key.encode(), self.code.encode(), *weights])


def find_methods(model: str, runs: Path, device: str, report: Callable[[str], None]) -> tuple[list[Method], dict[str, str]]:
    """All methods in the order of the table, and those that cannot be used, title -> reason. Raises ModelError for an unknown `model`."""
    found, skipped = [], {}
    for name, row in rows().items():
        try:
            found.append(_find(name, model, runs, device))
        except FusionINNError as problem:
            if name == DEFAULT:
                raise
            skipped[row.title] = str(problem)
            report(f"{row.title}: skipped ({problem})")
            found.append(Method(name, None, State.NOT_TRAINED))
    return found, skipped


def _find(name: str, model: str, runs: Path, device: str) -> Method:
    if name == DEFAULT:
        return _shipped(model, runs, device)
    if name in registry.names():
        return _registered(name, device)
    return _trained(name, runs, device) if name in TRAINERS else Method(name, None, State.NOT_RUN)


def _registered(name: str, device: str) -> Method:
    """A method that only fuses; what looks at whole volumes, or lacks something here, is not run."""
    if isinstance(registry.state(name), registry.Lacking):
        return Method(name, None, State.NOT_RUN)
    method = registry.create(name)
    if not isinstance(method, SliceMethod):
        return Method(name, None, State.NOT_RUN)
    fuser = RegisteredFuser(method)
    state = State.SHIPPED if method.info.capabilities.needs_training else State.UNTRAINABLE
    return Method(name, fuser.to(device).eval(), state, code=source_checksum(*fuser.code_files()) + method.fingerprint)


def _trained(name: str, runs: Path, device: str) -> Method:
    """A network that is trained in the folder of runs."""
    trainer, run = TRAINERS[name], runs / name
    if not (run / "best.pt").exists():  # with fresh weights: its size and its time are known all the same
        fresh = trainer.network_of(trainer.Config(preset=name))
        return Method(name, trainer.fuser(fresh.eval()).to(device).eval(), State.NOT_TRAINED)
    state = convergence_of(run, TRAINERS)
    if (preset := load_config(run / "config.json", TRAINERS).preset) != name:
        raise InputError(f"{run.name} is a run of {preset!r}: choose another folder for --runs.")
    fuser = trainer.fuser(load_run(run, TRAINERS))
    return Method(name, fuser.to(device).eval(), State.TRAINED, state, source_checksum(*trainer.code_files()))


def _shipped(model: str, runs: Path, device: str) -> Method:
    """The default model as it is shipped; where its run is among the others, with the curve of its training."""
    name, network = load_model(model)
    run, trainer = runs / name, TRAINERS[name]
    state = convergence_of(run, TRAINERS) if (run / "log.csv").exists() else None
    return Method(DEFAULT, trainer.fuser(network).to(device).eval(), State.SHIPPED, state, source_checksum(*trainer.code_files()))
