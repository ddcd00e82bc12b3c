"""Every row of the table on every patient that was held back: Dice, HD95, sensitivity, precision, false volume, calibration."""
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from FusionINNLib.outlining.agreement import agreement
from FusionINNLib.outlining.canvas import shown
from FusionINNLib.outlining.outline import Rule, outline_of, probability_of
from training.data.canvas_cases import SETS
from training.data.targets import WHOLE, Target
from training.segmentation.calibration import Example, Reliability, chosen_rule
from training.segmentation.held_out import Patient, canvas_case, logits_of_fold, patient_of, surer_of_fold
from training.segmentation.rows import THRESHOLD
from training.segmentation.thresholds import thresholded

Report = Callable[[str], None]

Logits = dict[int, list[tuple[str, str, np.ndarray]]]
"""Fold -> (set, case, logits (S, H, W)) of the patients that it holds back."""


@dataclass(frozen=True)
class Figures:
    """One patient of one row. ml, drawn_ml: volumes. false_ml: suggested in slices in which nothing is drawn. bins: see `Reliability`."""

    row: str
    fold: int
    set: str
    case: str
    dice: float | None
    hd95_mm: float | None
    sensitivity: float | None
    precision: float | None
    ml: float
    drawn_ml: float
    false_ml: float
    bins: list[list[float]] | None = None


@dataclass(frozen=True)
class Measured:
    """All figures, and the rule that each row and fold went by. surer: of the first row, see `order.surer_as_given`, of each patient."""

    figures: list[Figures]
    rules: dict[str, dict[int, Rule]]
    surer: tuple[float, ...] = ()

    def kept_with(self, earlier: "Measured") -> "Measured":
        """With the rows of an earlier measurement that were not measured now, in the order of that one, then the new ones."""
        rows = [*earlier.rules, *(row for row in self.rules if row not in earlier.rules)]
        rules = {row: self.rules.get(row) or earlier.rules[row] for row in rows}
        old = [one for one in earlier.figures if one.row not in self.rules]
        known = {(one.row, one.set, one.case) for one in old}
        new = [one for one in self.figures if (one.row, one.set, one.case) not in known]
        is_first = next(iter(rules)) in self.rules
        return Measured([*old, *new], rules, self.surer if is_first else earlier.surer)

    def reliability(self, row: str, name: str) -> Reliability | None:
        """Of all patients of a set together; None for a row that gives no probabilities."""
        parts = [Reliability(*map(np.array, one.bins)) for one in self.figures if one.row == row and one.set == name and one.bins]
        return sum(parts[1:], parts[0]) if parts else None


def measure(canvas: Path, prepared: Path, splits: Path, runs: Path, rows: dict[str, list[int]], device: str, report: Report,
            target: Target = WHOLE) -> Measured:
    """Measure finished rows, row -> folds, and a threshold on the patients of all of them."""
    patients: dict[tuple[str, str], Patient] = {}
    logits = {row: {fold: list(logits_of_fold(canvas, splits, runs, row, fold, report, device, target)) for fold in done}
              for row, done in rows.items()}
    figures: list[Figures] = []
    rules: dict[str, dict[int, Rule]] = {}
    for row, by_fold in logits.items():
        rules[row], found = figures_of(row, by_fold, canvas, prepared, patients, report, target)
        figures += found
    first, by_fold = next(iter(logits.items()))
    surer = [surer_of_fold(canvas, splits, runs, first, fold, found, device) for fold, found in by_fold.items()] if target is WHOLE else []
    folds_of = {(one.set, one.case): one.fold for one in figures}
    figures += [_figures(THRESHOLD, folds_of[key], patients[key], marked, None)
                for key, marked in thresholded(target, patients, folds_of).items()]
    return Measured(figures, rules, tuple(one for of_fold in surer for one in of_fold))


def figures_of(row: str, logits: Logits, canvas: Path, prepared: Path, patients: dict[tuple[str, str], Patient],
               report: Report, target: Target = WHOLE) -> tuple[dict[int, Rule], list[Figures]]:
    """The rule of each fold, and the figures of all patients of a row. Patients that were not there are added, (set, case) -> patient."""
    examples = {fold: [example_of(canvas, name, case, one) for name, case, one in found] for fold, found in logits.items()}
    rules = {fold: rule_for(examples, fold) for fold in logits}
    figures: list[Figures] = []
    for fold, name, case, one in ((fold, *each) for fold, found in logits.items() for each in found):
        patient = patients.setdefault((name, case), patient_of(prepared, name, case, target))
        probability = probability_of(one, patient.canvas, rules[fold].temperature)
        figures.append(_figures(row, fold, patient, outline_of(probability, patient.voxel_ml, rules[fold]), probability))
        report(f"{row}, fold {fold}, {case}: Dice {figures[-1].dice or 0:.3f}")
    return rules, figures


def rule_for(examples: dict[int, list[Example]], fold: int) -> Rule:
    """Chosen on what the other folds hold back, so on none of this fold's patients; as it is where there is no other fold."""
    others = [example for other, found in examples.items() if other != fold for example in found]
    return chosen_rule(others) if others else Rule()


def example_of(canvas: Path, name: str, case: str, logits: np.ndarray) -> Example:
    found = canvas_case(canvas, name, case)
    head = shown(found.contrasts.astype(np.float32))
    k, j, i = SETS[name]
    return Example(logits, found.labels > 0, head, max(3.0, k) * max(2.0, j) * max(2.0, i) / 1000)


def _figures(row: str, fold: int, patient: Patient, marked: np.ndarray, probability: np.ndarray | None) -> Figures:
    bins = None
    if probability is not None:
        found = Reliability.of(probability[patient.head], patient.drawn[patient.head])
        bins = [found.count.tolist(), found.said.tolist(), found.true.tolist()]
    volumes = (float(np.count_nonzero(part)) * patient.voxel_ml
               for part in (marked, patient.drawn, marked[~patient.drawn.any((1, 2))]))
    return Figures(row, fold, patient.set, patient.name, **asdict(agreement(marked, patient.drawn, patient.spacing_mm)),
                   **dict(zip(("ml", "drawn_ml", "false_ml"), volumes)), bins=bins)
