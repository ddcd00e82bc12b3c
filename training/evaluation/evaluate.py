"""`python -m training evaluate`: every case of every column through the real pipeline, then means, spreads, pages and pictures."""
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from FusionINNLib.errors import InputError
from FusionINNLib.methods import devices
from FusionINNLib.methods.fusioninn.card import FusionINNCard
from FusionINNLib.methods.fusioninn.card import find as find_card
from FusionINNLib.results.records import Fusion
from training.evaluation.cases import Column, EvaluationCase, columns
from training.evaluation.measure import CaseResult, fuse_case, measure_case


@dataclass(frozen=True)
class ColumnResult:
    """One column, measured."""

    column: Column
    cases: tuple[CaseResult, ...]

    def mean(self, key: str) -> float:
        """Mean over cases of the means over their slices: each patient counts alike. This is what the tables show."""
        return float(np.mean(self.of_cases(key)))

    def of_cases(self, key: str) -> list[float]:
        """The value of each case."""
        return [case.means[key] for case in self.cases]

    def slice_mean(self, key: str) -> float:
        """Mean over all slices, so that a patient with more of them counts more; of figures that have one value a case, as `mean`."""
        if key in self.cases[0].together:
            return self.mean(key)
        return float(np.mean([row[key] for case in self.cases for row in case.slices.values()]))


@dataclass(frozen=True)
class Results:
    """All columns, and what they were measured on."""

    card: FusionINNCard
    columns: tuple[ColumnResult, ...]
    device: str
    seconds: float


def evaluate(model: str, data: Path, splits: Path, device: str = "auto", report: Callable[[str], None] = print,
             look: Callable[[EvaluationCase, Fusion], None] = lambda case, fusion: None) -> Results:
    """Measure a model.

    Args:
        model: id, or path of a model folder.
        data: folder of sets of cases, see evaluation/cases.py; columns whose data are absent are left out.
        splits: the split that the model was trained by.
        report: told what was done, a sentence a case.
        look: called with each fused case, for pictures.

    Raises InputError where there is nothing to measure, ModelError, and whatever else the pipeline raises.
    """
    card, started = find_card(model), time.perf_counter()
    devices.choose_device(device)
    table = columns(data, splits)
    if not table:
        raise InputError(f"{data} holds no case to evaluate: give the folder with the split's 'val' cases, isles22/ or openms/ in it.")
    done = []
    for column in table:
        cases = [_measured(column, case, model, device, report, look) for case in column.cases]
        if measured := tuple(case for case in cases if case is not None):
            done.append(ColumnResult(column, measured))
    if not done:
        raise InputError(f"None of the cases in {data} has a slice that counts: the validation cases need slices with labels 1 and 2.")
    return Results(card, tuple(done), str(devices.choose_device(device)), time.perf_counter() - started)


def _measured(column: Column, case: EvaluationCase, model: str, device: str, report, look) -> CaseResult | None:
    fusion = fuse_case(case, model, device)
    look(case, fusion)
    result = measure_case(case, fusion, column.choose, model, device)
    report(f"{column.title}: {case.name}: " + ("no slice that counts" if result is None else _glimpse(result)))
    return result


def _glimpse(result: CaseResult) -> str:
    means = result.means
    return (f"{len(result.slices)} slices, fused {means['fused_1']:.4f} + {means['fused_2']:.4f} ({means['gain']:+.4f}), "
            f"estimated {means['float32_1']:.4f} / {means['float32_2']:.4f}, inside {means['float32_1_inside']:.4f} / "
            f"{means['float32_2_inside']:.4f}")
