"""The methods that are compared, each ready to fuse, or with the reason why it is not."""
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from pathlib import Path

from FusionINNLib.errors import FusionINNError, InputError
from FusionINNLib.methods.fusioninn import convolution, digits, flow, model_folder, networks
from FusionINNLib.methods.fusioninn.card import find as find_card
from FusionINNLib.methods.fusioninn.networks import FusionNetwork
from training import baselines
from training.baselines import SIMPLE, TITLES, TRAINED, Fuser, build
from training.benchmark import flow_fuser
from training.benchmark.flow_fuser import FlowFuser
from training.cached import checksum, source_checksum
from training.loop.config import load_config
from training.loop.convergence import Convergence, convergence_of
from training.loop.export import load_run
from training.losses import paper as paper_losses
from training.losses.paper import ReleasedProgram
from training.trainers.registry import TRAINERS

AVERAGE, DEFAULT, PAPER, DDFM = "average", "fusioninn", "paper", "ddfm"
ORDER = (*SIMPLE, *TRAINED, DDFM, PAPER, DEFAULT)
ALL_TITLES = TITLES | {DDFM: "DDFM", PAPER: "FusionINN (published network, trained here)", DEFAULT: "FusionINN (default model)"}


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
        return ALL_TITLES[self.key]

    @property
    def short_title(self) -> str:
        """As in pictures."""
        return {DEFAULT: "FusionINN, default", PAPER: "FusionINN, published"}.get(self.key, self.title)

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

    @cached_property
    def checksum(self) -> str:
        """SHA-256 of weights and code."""
        weights = [tensor.detach().cpu().contiguous().numpy().tobytes() for tensor in self.fuser.state_dict().values()]
        return checksum([self.key.encode(), self.code.encode(), *weights])


def find_methods(model: str, runs: Path, device: str, report: Callable[[str], None]) -> tuple[list[Method], dict[str, str]]:
    """All methods in the order of the table, and those that cannot be used, title -> reason. Raises ModelError for an unknown `model`."""
    found, skipped = [], {}
    for name in ORDER:
        try:
            found.append(_find(name, model, runs, device))
        except FusionINNError as problem:
            if name == DEFAULT:
                raise
            skipped[ALL_TITLES[name]] = str(problem)
            report(f"{ALL_TITLES[name]}: skipped ({problem})")
            found.append(Method(name, None, State.NOT_TRAINED))
    return found, skipped


def _find(name: str, model: str, runs: Path, device: str) -> Method:
    if name in SIMPLE:
        return Method(name, build(name).to(device), State.UNTRAINABLE, code=_code(baselines))
    if name == DDFM:
        return Method(name, None, State.NOT_RUN)
    if name == DEFAULT:
        return _shipped(model, runs, device)
    run = runs / name
    if not (run / "best.pt").exists():
        fuser = build(name) if name in TRAINED else _released(networks.paper_network())
        return Method(name, fuser.to(device).eval(), State.NOT_TRAINED)  # with fresh weights: its size and its time are known all the same
    state = convergence_of(run, TRAINERS)
    if (preset := load_config(run / "config.json", TRAINERS).preset) != name:
        raise InputError(f"{run.name} is a run of {preset!r}: choose another folder for --runs.")
    if name == PAPER:
        code = _code(flow, networks, convolution, paper_losses, flow_fuser)
        return Method(name, _released(load_run(run, TRAINERS)).to(device), State.TRAINED, state, code)
    return Method(name, load_run(run, TRAINERS).to(device), State.TRAINED, state, _code(baselines))


def _shipped(model: str, runs: Path, device: str) -> Method:
    """The default model as it is shipped; where its run is among the others, with the curve of its training."""
    card = find_card(model)
    network = model_folder.load(card)
    if card.architecture == "paper":
        fuser = _released(network)
    else:
        fuser = FlowFuser(network, network, card.multiple)
    state = convergence_of(runs / "default", TRAINERS) if (runs / "default" / "log.csv").exists() else None
    return Method(DEFAULT, fuser.to(device).eval(), State.SHIPPED, state, _code(flow, networks, convolution, digits, flow_fuser))


def _released(network: FusionNetwork) -> FlowFuser:
    return FlowFuser(network.eval(), ReleasedProgram(network), multiple=2)


def _code(*modules) -> str:
    files = []
    for module in modules:
        path = Path(module.__file__)
        files += [other for other in path.parent.glob("*.py") if other.stem != "trainer"] if path.stem == "__init__" else [path]
    return source_checksum(*files)
