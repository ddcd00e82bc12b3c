"""`python -m training robustness`: every damage to every case, kept by column."""
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from FusionINNLib.errors import InputError
from FusionINNLib.methods import devices, registry
from FusionINNLib.phantom.case import small_case
from FusionINNLib.pipeline import fuse
from training.evaluation.cases import columns, head_slices
from training.evaluation.measure import fuse_case
from training.robustness.damages import DAMAGES, Damage
from training.robustness.measure import Outcome, Subject, chosen_slices, heads_of, measure

MADE_UP, MADE_UP_SHAPE = "Made-up head, ADC / FLAIR", (12, 96, 92)


@dataclass(frozen=True)
class Request:
    """What to measure: `model` None for the method's own; `data` None for the made-up case alone; at most `slices` of a case, at most
    `patients` of a column; `columns` are the keys of those wanted, all where it is empty."""

    method: str
    model: str | None
    device: str
    data: Path | None
    splits: Path | None
    slices: int
    patients: int
    columns: tuple[str, ...]


@dataclass(frozen=True)
class CaseOutcomes:
    """One case: outcomes by key of the damage, and which slices were measured."""

    column: str
    name: str
    slices: tuple[int, ...]
    outcomes: dict[str, Outcome]


@dataclass(frozen=True)
class Results:
    """Everything that was measured, in the order of the columns. maker, fingerprint: method and model in words, and what they are known
    by."""

    maker: str
    fingerprint: str
    device: str
    seconds: float
    damages: tuple[Damage, ...]
    cases: tuple[CaseOutcomes, ...]

    def values(self, damage: str, figure: str) -> list[float]:
        """A figure of both estimates (`q`, `ratio`, ...) in every case that was not refused."""
        return [case.outcomes[damage].figures[f"{figure}_{n}"] for case in self.cases if case.outcomes[damage].figures for n in (1, 2)]

    def below_floor(self, damage: str) -> list[float]:
        """By how much each estimate is better than the damaged fused image itself."""
        return [q - floor for q, floor in zip(self.values(damage, "q"), self.values(damage, "floor"))]

    def told(self, damage: str) -> int:
        """In how many cases the user was told something, or the file was refused."""
        return sum(bool(case.outcomes[damage].told or case.outcomes[damage].refused) for case in self.cases)

    def sentences(self, damage: str) -> list[str]:
        """What was said, each sentence once."""
        said = (sentence for case in self.cases for outcome in [case.outcomes[damage]]
                for sentence in (*outcome.told, *([f"Refused: {outcome.refused}"] if outcome.refused else [])))
        return list(dict.fromkeys(said))


def robustness(request: Request, say: Callable[[str], None], damages: tuple[Damage, ...] = DAMAGES) -> Results:
    """Measure; `say` is told a line a damage. Raises InputError where there is no case, and whatever the pipeline raises while fusing."""
    method, started = registry.create(request.method, request.model), time.perf_counter()
    if not method.info.capabilities.estimate:
        raise InputError(f"{method.info.title} has no estimate that could be measured: choose another --method.")
    device = str(devices.choose_device(request.device))
    cases = []
    for column, subject in (_made_up(request) if request.data is None else _real(request, request.data)):
        outcomes = {}
        for damage in damages:
            outcomes[damage.key] = measure(subject, damage, request.model, device)
            say(f"{column}: {subject.name}: {damage.title}: {_glimpse(outcomes[damage.key])}")
        cases.append(CaseOutcomes(column, subject.name, tuple(subject.chosen), outcomes))
    if not cases:
        raise InputError(f"{request.data} holds no case to measure: give the folder with the split's 'val' cases or openms/ in it.")
    maker = f"model `{method.card.id}`" if method.card else f"method `{method.info.name}`"
    return Results(maker, method.fingerprint, device, time.perf_counter() - started, damages, tuple(cases))


def _real(request: Request, data: Path):
    """(title of the column, subject) of each case, one after the other: a fusion fills memory."""
    if request.splits is None:
        raise InputError("Nothing says which cases no training has seen: give --splits.")
    table = columns(data, request.splits)
    if unknown := set(request.columns) - {column.key for column in table}:
        raise InputError(f"There is no column {sorted(unknown)[0]!r} in {data}: choose from {', '.join(c.key for c in table)}.")
    for column in table:
        if request.columns and column.key not in request.columns:
            continue
        for case in column.cases[:request.patients]:
            fusion = fuse_case(case, request.model, request.device, request.method)
            heads = heads_of(fusion)
            candidates = column.choose(case, fusion, heads)
            if candidates:
                yield column.title, Subject(case.name, fusion, chosen_slices(candidates, len(heads), request.slices))


def _made_up(request: Request):
    case = small_case(MADE_UP_SHAPE)
    fusion = fuse(case.first, case.second, method=request.method, model=request.model, device=request.device)
    heads = heads_of(fusion)
    yield MADE_UP, Subject("made-up", fusion, chosen_slices(head_slices(None, fusion, heads), len(heads), request.slices))


def _glimpse(outcome: Outcome) -> str:
    if outcome.refused:
        return "refused"
    figures = {name: np.array([outcome.figures[f"{name}_{n}"] for n in (1, 2)]) for name in ("q", "floor", "ratio", "held")}
    return (f"Q_SSIM {_two(figures['q'])} (floor {_two(figures['floor'])}), error / spread {_two(figures['ratio'], '.2f')}, "
            f"held {_two(figures['held'], '.0%')}, {'told' if outcome.told else 'not told'}")


def _two(values: np.ndarray, form: str = ".4f") -> str:
    return " / ".join(format(value, form) for value in values)
