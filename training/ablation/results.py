"""The rows of Table 2, trained and measured."""
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from FusionINNLib.errors import FusionINNError, InputError
from training.ablation.measure import AVERAGE, FIGURES, measure_run
from training.ablation.train import LONGER, go_on, train_variant
from training.ablation.variants import PRIORS, PUBLISHED, TRAININGS, Variant
from training.data.crops import VALIDATED_SET
from training.data.paper_slices import CONTRASTS
from training.data.prepare import PreparedCase, load
from training.data.splits import read_splits
from training.data.usable import usable_split
from training.loop.convergence import Convergence, convergence_of
from training.trainers.registry import TRAINERS

MOST = 20  # slices of a patient
MOST_QUICK = 2
LOST = 0.5  # a Q_SSIM below which an image is not there


@dataclass(frozen=True)
class Training:
    """One training of a row, as far as it went: means over the slices of each case, case -> `FIGURES` and `AVERAGE`, and whether it came
    to rest."""

    seed: int
    cases: dict[str, dict[str, float]]
    convergence: Convergence
    run: Path

    def mean(self, name: str) -> float:
        """Mean over patients."""
        return float(np.mean([figures[name] for figures in self.cases.values()]))

    @property
    def estimate(self) -> float:
        """Mean over patients and both sources of Q_SSIM of the estimate."""
        return (self.mean("estimate_1") + self.mean("estimate_2")) / 2

    @property
    def fused(self) -> float:
        """The same of the fused image."""
        return (self.mean("fused_1") + self.mean("fused_2")) / 2

    @property
    def average(self) -> float:
        """The same of the plain average."""
        return float(np.mean([self.mean(name) for name in AVERAGE]))

    @property
    def has_succeeded(self) -> bool:
        """Whether there is a fused image and an estimate of either source: none of them below `LOST`."""
        return min(self.fused, self.mean("estimate_1"), self.mean("estimate_2")) >= LOST

    @property
    def decomposes(self) -> bool:
        """Whether, besides, its estimates are nearer to the sources than the plain average and than the fused image: one image given for
        both sources takes nothing apart."""
        return self.has_succeeded and self.estimate > max(self.average, self.fused)

    @property
    def least_loss(self) -> float:
        """Of the validations; infinite before the first."""
        return min(self.convergence.losses, default=float("inf"))


@dataclass(frozen=True)
class RowResult:
    """A row and its trainings, at least one."""

    variant: Variant
    trainings: tuple[Training, ...]

    @property
    def best(self) -> Training:
        """The one with the least validation loss: its figures are the row's."""
        return min(self.trainings, key=lambda training: training.least_loss)


@dataclass(frozen=True)
class AblationResults:
    """Everything for the page. `swapped`: the published row with other latents in the test alone, by name; `skipped`: name -> reason."""

    rows: dict[str, RowResult]
    swapped: dict[str, dict[str, float]]
    slices: dict[str, int]
    schedule: dict
    skipped: dict[str, str]
    is_quick: bool


def ablate(prepared: Path, splits: Path, runs: Path, schedule: dict, is_quick: bool, may_train: bool, device: str,
           report: Callable[[str], None]) -> AblationResults:
    """Train what is missing, measure everything. Raises InputError where nothing can be measured."""
    split, skipped = usable_split(prepared, splits, runs / "usable_splits.json", report)
    cases, unfit = _validation_cases(prepared, split)
    skipped |= unfit
    if not cases:
        raise InputError(f"No validation case of {VALIDATED_SET} can be measured: prepare one with T1ce, FLAIR and labels 1 and 2.")
    most, trainings = MOST_QUICK if is_quick else MOST, {}
    stages = _Stages(prepared, split, runs, schedule, may_train, device, cases, most)
    for number, (seed, variant) in enumerate(TRAININGS, start=1):
        name = f"{variant.key}, seed {seed}"
        say = partial(_say, report, f"[{number} of {len(TRAININGS)}] {name}")
        try:
            trainings.setdefault(variant, {})[seed] = first = stages.first(variant, seed, say)
            if first.has_succeeded:
                trainings[variant][seed] = stages.second(variant, seed, say)
        except FusionINNError as problem:
            skipped[name] = str(problem)
            report(f"{name}: skipped ({problem})")
    rows = {variant.key: RowResult(variant, tuple(done.values())) for variant, done in trainings.items()}
    if not rows:
        raise InputError("No row of the table is there to be measured: run the command without --no-train.")
    swapped = {}
    if PUBLISHED.key in rows:
        best = rows[PUBLISHED.key].best
        swapped = {prior: _means(measure_run(best.run, prior, cases, most)) for prior in PRIORS}
    counts = {case.name: min(most, _tumour_count(case)) for case in cases}
    return AblationResults(rows, swapped, counts, schedule, skipped, is_quick)


@dataclass(frozen=True)
class _Stages:
    """A training of `schedule`, and the same for `LONGER` times as many steps."""

    prepared: Path
    split: Path
    runs: Path
    schedule: dict
    may_train: bool
    device: str
    cases: list[PreparedCase]
    most: int

    def first(self, variant: Variant, seed: int, say: Callable[[str], None]) -> Training:
        """Trained where it is not, and measured."""
        run = run_of(self.runs, variant, seed)
        if self.may_train:
            train_variant(variant, seed, self.schedule, self.prepared, self.split, run, self.device, say)
        return self._measured(run, variant, seed)

    def second(self, variant: Variant, seed: int, say: Callable[[str], None]) -> Training:
        """The same, beginning with the first."""
        begun = run_of(self.runs, variant, seed)
        run = begun.with_name(f"{begun.name}_longer")
        if self.may_train:
            go_on(begun, variant, LONGER * self.schedule["steps"], self.prepared, self.split, run, self.device, say)
        return self._measured(run, variant, seed)

    def _measured(self, run: Path, variant: Variant, seed: int) -> Training:
        if not (run / "best.pt").exists():
            raise InputError(f"{run.name} is not trained yet")
        return Training(seed, measure_run(run, variant.prior, self.cases, self.most), convergence_of(run, TRAINERS), run)


def run_of(runs: Path, variant: Variant, seed: int) -> Path:
    """The folder of one training."""
    return runs / variant.key / f"seed_{seed}"


def _say(report: Callable[[str], None], name: str, line: str) -> None:
    report(f"{name}: {line}")


def _validation_cases(prepared: Path, splits: Path) -> tuple[list[PreparedCase], dict[str, str]]:
    cases, unfit = [], {}
    for name in read_splits(splits).get(VALIDATED_SET, {}).get("val", []):
        case = load(prepared / VALIDATED_SET / f"{name}.npz")
        if missing := [contrast for contrast in CONTRASTS if contrast not in case.names]:
            unfit[f"{VALIDATED_SET}/{name}"] = f"has no {missing[0]}"
        elif not _tumour_count(case):
            unfit[f"{VALIDATED_SET}/{name}"] = "has no slice with labels 1 and 2"
        else:
            cases.append(case)
    return cases, unfit


def _tumour_count(case: PreparedCase) -> int:
    return int(((case.labels == 1).any((1, 2)) & (case.labels == 2).any((1, 2))).sum())


def _means(cases: dict[str, dict[str, float]]) -> dict[str, float]:
    return {name: float(np.mean([figures[name] for figures in cases.values()])) for name in FIGURES}
