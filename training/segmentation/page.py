"""The table of outlines as Markdown, CSV and JSON. No picture of a patient is made."""
import csv
import io
import json
from dataclasses import asdict

import numpy as np

from FusionINNLib.outlining.order import MARGIN, PERCENTILE, looks_exchanged
from FusionINNLib.outlining.outline import Rule
from training.benchmark.intervals import Table, difference, mean_of
from training.data.targets import CORE, WHOLE, Target
from training.markdown import number, table
from training.segmentation.measure import Figures, Measured
from training.segmentation.rows import ROWS, THRESHOLD

METRICS = (("dice", "Dice", ".3f"), ("hd95_mm", "HD95", ".1f"), ("sensitivity", "sensitivity", ".3f"), ("precision", "precision", ".3f"),
           ("false_ml", "false mL", ".1f"))

WORDS = """Every patient was held back once (five folds by patient; the first fold is the split file itself). Means over patients with 95
% bootstrap intervals. Nothing was chosen on the patients that are measured: the last weights of a run count, and temperature and islands
rule of a fold come from the patients that the *other* folds hold back. *False mL*: suggested in slices in which nothing is drawn.
*Against the first*: Dice minus that of the first row on the same patients, which tells rows apart better than their intervals do. A row
with fewer patients than the others was trained for fewer folds; with one fold alone it goes without temperature and islands rule."""
WORDS_OF = {
    WHOLE.files: """HD95 is in mm for BraTS. The spacing of LGG is unknown: its HD95 is in pixels, and its volumes are as if a pixel were
1 mm, both with slices 5 apart. LGG has only the slices from the first to the last with a lesion, so that its *false mL* says nothing.
Threshold: FLAIR above Otsu's level inside the head, the largest island.""",
    CORE.files: """HD95 is in mm. Threshold: T1 with contrast, smoothed by 1 mm, above a percentile of the head that is best for the
patients of the other folds; the largest island, with what it encloses in each slice."""}


def page(measured: Measured, command: str, training: list[str], target: Target = WHOLE) -> str:
    """The measured part of docs/outlines.md, and of pages like it.

    Args:
        training: lines about how each row was trained.
    """
    parts = [f"Made by `{command}`.", f"{WORDS}\n\n{WORDS_OF[target.files]}",
             *(_table(measured, name, title) for name, title in target.titles.items()),
             "### How the rows were trained", "\n".join(training),
             "### Can the probabilities be believed?", _calibration(measured, target),
             *(["### Contrasts exchanged", _exchanged(measured)] if measured.surer else []),
             "### The first row, patient by patient", _patients(measured)]
    return "\n\n".join(parts) + "\n"


def as_csv(measured: Measured) -> str:
    """A line a row and patient."""
    file = io.StringIO()
    names = [name for name in asdict(measured.figures[0]) if name != "bins"]
    writer = csv.DictWriter(file, names, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: round(value, 5) if isinstance(value, float) else value for name, value in asdict(one).items()}
                     for one in measured.figures)
    return file.getvalue()


def as_json(measured: Measured, command: str, training: dict[str, str]) -> str:
    """The same with bins of calibration, rules, and how each row was trained."""
    rules = {row: {str(fold): rule.to_dict() for fold, rule in by_fold.items()} for row, by_fold in measured.rules.items()}
    found = {"command": command, "training": training, "rules": rules, "surer_as_given": measured.surer,
             "figures": [asdict(one) for one in measured.figures]}
    return json.dumps(found, indent=1) + "\n"


def read_json(text: str) -> tuple[Measured, dict[str, str]]:
    """What `as_json` wrote of measurements and training. Raises ValueError, KeyError or TypeError for what it did not write."""
    found = json.loads(text)
    rules = {row: {int(fold): Rule(**rule) for fold, rule in by_fold.items()} for row, by_fold in found["rules"].items()}
    return Measured([Figures(**one) for one in found["figures"]], rules, tuple(found["surer_as_given"])), found["training"]


def _exchanged(measured: Measured) -> str:
    """How often the first row would have said that T1ce and FLAIR are exchanged, where they are not and where they are."""
    surer = np.array(measured.surer)
    wrongly, rightly = (sum(map(looks_exchanged, one)) for one in (surer, -surer))
    return (f"The first row's networks, on the {surer.size} patients that they did not see, warn of {wrongly} as they are and of "
            f"{rightly} with T1ce and FLAIR exchanged: where they are surer of the other order by {MARGIN:g} logits ({PERCENTILE}th "
            "percentile in the head). That border was chosen on these patients.")


def _title(row: str) -> str:
    return ROWS[row].title if row in ROWS else "above a threshold, no network"


def _rows(measured: Measured) -> list[str]:
    return [*measured.rules, THRESHOLD]


def _of(measured: Measured, row: str, name: str) -> list[Figures]:
    return [one for one in measured.figures if one.row == row and one.set == name]


def _table(measured: Measured, name: str, title: str) -> str:
    lines = []
    for row in _rows(measured):
        found = _of(measured, row, name)
        cells = []
        for metric, _, form in METRICS:
            mean = mean_of({one.case: {0: np.nan if (value := getattr(one, metric)) is None else value} for one in found})
            cells.append(f"{number(mean.value, form)} ({number(mean.low, form)}–{number(mean.high, form)})")
        lines.append([_title(row), str(len(found)), *cells, _against(measured, row, name)])
    return f"### {title}\n\n" + table(["row", "patients", *(column for _, column, _ in METRICS), "against the first"], lines)


def _against(measured: Measured, row: str, name: str) -> str:
    """Dice minus that of the first row, patient by patient, with its interval; a dash for that row itself."""
    first = next(iter(measured.rules))
    if row == first:
        return "–"
    mean = difference(_dice(measured, row, name), _dice(measured, first, name)).mean
    return f"{number(mean.value, '+.3f')} ({number(mean.low, '+.3f')} to {number(mean.high, '+.3f')})"


def _dice(measured: Measured, row: str, name: str) -> Table:
    return {one.case: {0: np.nan if one.dice is None else one.dice} for one in _of(measured, row, name)}


def _calibration(measured: Measured, target: Target) -> str:
    lines = []
    for row in measured.rules:
        errors = [found.error if (found := measured.reliability(row, name)) else None for name in target.titles]
        temperatures = [rule.temperature for rule in measured.rules[row].values()]
        lines.append([_title(row), *(number(error, ".4f") for error in errors), number(float(np.mean(temperatures)), ".2f")])
    said = "Expected calibration error inside the head (15 bins, all voxels of all patients that were held back), and the mean temperature."
    return said + "\n\n" + table(["row", *target.titles.values(), "temperature"], lines) + "\n\n" + _bins(measured, target)


def _bins(measured: Measured, target: Target) -> str:
    row = next(iter(measured.rules))
    found = [one for name in target.titles if (one := measured.reliability(row, name))]
    total = sum(found[1:], found[0])
    lines = [[f"{said / count:.3f}", f"{true / count:.3f}", f"{int(count)}"]
             for count, said, true in zip(total.count, total.said, total.true) if count]
    return "Reliability of the first row:\n\n" + table(["mean probability", "share that was drawn", "voxels"], lines)


def _patients(measured: Measured) -> str:
    row = next(iter(measured.rules))
    lines = [[one.case, str(one.fold), *(number(getattr(one, metric), form) for metric, _, form in METRICS), number(one.ml, ".1f"),
              number(one.drawn_ml, ".1f")]
             for one in sorted((one for one in measured.figures if one.row == row), key=lambda one: (one.set, one.dice or 0))]
    return table(["patient", "fold", *(title for _, title, _ in METRICS), "suggested mL", "drawn mL"], lines)
