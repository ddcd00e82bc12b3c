"""The whole benchmark: find the slices, train what is missing, measure every method, time them in one go."""
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from FusionINNLib.errors import InputError
from FusionINNLib.methods import model_card
from training.benchmark.intervals import Difference, Mean, Outcome, Table, difference, mean_of
from training.benchmark.measured import KEYS, measure_case
from training.benchmark.methods import Method, find_methods
from training.benchmark.pairs import CasePairs, PairSet, load_cases, pair_sets
from training.benchmark.timing import time_methods
from training.benchmark.train import train_missing
from training.data.usable import usable_split

MOST_QUICK = 1  # slices of a patient


@dataclass(frozen=True)
class SetResult:
    """One set. cases: name -> number of slices; tables: method -> metric -> case -> slice -> value."""

    entry: PairSet
    cases: dict[str, int]
    tables: dict[str, dict[str, Table]]

    def mean(self, method: str, metric: str) -> Mean:
        """With its interval over patients; over slices where there is one patient."""
        return mean_of(self.tables[method][metric])

    def against(self, method: str, other: str, metric: str) -> Difference:
        """A method minus another, paired by slices."""
        return difference(self.tables[method][metric], self.tables[other][metric])

    def best(self, metric: str, among: list[str]) -> str:
        """The method with the largest mean."""
        return max(among, key=lambda name: self.mean(name, metric).value)

    def leaders(self, metric: str, among: list[str]) -> list[str]:
        """The best and those that are tied with it."""
        best = self.best(metric, among)
        return [name for name in among if name == best or self.against(name, best, metric).mean.outcome is not Outcome.WORSE]


@dataclass(frozen=True)
class BenchmarkResults:
    """All sets. seconds: a slice, by method; skipped: what was left out -> reason; splits: those trained by."""

    card: model_card.ModelCard
    methods: list[Method]
    sets: list[SetResult]
    seconds: dict[str, float]
    skipped: dict[str, str]
    device: str
    is_quick: bool

    @property
    def measured(self) -> list[str]:
        """Names of the methods that have figures."""
        return [method.key for method in self.methods if method.is_measured]

    @property
    def ranked(self) -> list[str]:
        """Names of those that take part in the ranking."""
        return [method.key for method in self.methods if method.is_ranked]

    def method(self, name: str) -> Method:
        """By name."""
        return next(method for method in self.methods if method.key == name)


@dataclass(frozen=True)
class Request:
    """What the command was asked for.

    device: as torch names it. schedules: of the networks to train where they are missing; None: nothing is trained. most: slices of a
    patient, evenly spaced; None: all.
    """

    data: Path
    prepared: Path | None
    splits: Path
    runs: Path
    model: str
    device: str
    schedules: dict[str, dict] | None
    most: int | None
    is_quick: bool = False


Look = Callable[[PairSet, CasePairs, list[Method]], None]


def benchmark(request: Request, report: Callable[[str], None], look: Look = lambda entry, pairs, methods: None) -> BenchmarkResults:
    """Everything for the page.

    Args:
        look: shown each patient's slices with all methods, for pictures.

    Raises InputError where there is nothing to measure, ModelError for a model that does not exist.
    """
    card, device = model_card.find(request.model), request.device
    entries = pair_sets(request.data, request.splits)
    if not entries:
        raise InputError(f"{request.data} holds none of the sets brats18, openms, isles22: give the folder with SET/CASE in it.")
    skipped = _train(request, request.schedules, device, report) if request.schedules else {}
    methods, unusable = find_methods(request.model, request.runs, device, report)
    skipped |= unusable
    sets: list[SetResult] = []
    sample: tuple[np.ndarray, np.ndarray] | None = None
    for entry in entries:
        cases: dict[str, int] = {}
        tables: dict[str, dict[str, Table]] = {method.key: {key: {} for key in KEYS} for method in methods if method.is_measured}
        for pairs in load_cases(entry, request.most, report):
            if not isinstance(pairs, CasePairs):
                name, reason = pairs
                skipped[f"{entry.key}/{name}"] = reason
                continue
            sample = sample or (pairs.first[len(pairs.first) // 2], pairs.second[len(pairs.first) // 2])
            cases[pairs.name] = len(pairs.numbers)
            for method in methods:
                if method.is_measured:
                    _add(tables[method.key], pairs.name, measure_case(method, pairs, entry.key, request.runs, device, report))
            look(entry, pairs, methods)
        if cases:
            sets.append(SetResult(entry, cases, tables))
    if sample is None or not sets:
        raise InputError("None of the patients can be measured: " + "; ".join(f"{name}: {reason}" for name, reason in skipped.items()))
    seconds = time_methods(methods, sample[0], sample[1], device, report)
    return BenchmarkResults(card, methods, sets, seconds, skipped, device, request.is_quick)


def _train(request: Request, schedules: dict[str, dict], device: str, report: Callable[[str], None]) -> dict[str, str]:
    if request.prepared is None:
        raise InputError("Training needs --prepared, the folder that 'python -m training prepare' wrote; or add --no-train.")
    split, skipped = usable_split(request.prepared, request.splits, request.runs / "usable_splits.json", report)
    return skipped | train_missing(schedules, request.prepared, split, request.runs, device, report)


def _add(table: dict[str, Table], case: str, figures: dict[int, dict[str, float]]) -> None:
    for key in table:
        table[key][case] = {k: values[key] for k, values in figures.items()}
