"""The matrix of damages as a page, as JSON and as CSV."""
import csv
import io
import json

from training.markdown import table
from training.robustness.damages import DAMAGES
from training.robustness.measure import NINETY
from training.robustness.results import Results

FIGURES = ("q", "floor", "error", "ratio", "held", "largest")
NOTES = f"""\
- **Estimate**: Q_SSIM inside the head (data range 1, windows of 11 x 11) of the estimates of the first and of the second source (where
  latents are drawn the mean of 8, seed 0) from the damaged file as `fusioninn decompose --estimate` reads it; smallest to largest over all
  cases and both sources.
- **Floor**: the same of the damaged fused image itself, as it was read, taken for either source. **Against the floor**: the worst case.
- **Error / spread**: root mean square of the true error over that of the standard deviation that the program reports, inside the head: 1
  where the spread is right, 10 where the error is ten times what was said.
- **Held**: share of the true values inside the reported 90 % interval ({NINETY:.3f} standard deviations on each side).
- **Told**: in how many cases a sentence was said, or the file refused. A refused file has no figures. A slice that was replaced is told
  where it is among those measured: the others are not looked at here.
- Noise is a share of the range from background to the 99.9th percentile of the head, seed 0; JPEG and JPEG 2000 go through 8 bit over the
  range of the volume, slice by slice; filters and shifts are in all three axes, linear interpolation. `training/robustness/damages.py`
  has them all."""


def page(results: Results, command: str, pictures: list[str]) -> str:
    """The page `robustness.md`."""
    header = ["what happened to the fused file", "estimate", "floor", "against the floor", "relative error", "error / spread", "held",
              "told"]
    columns = list(dict.fromkeys(case.column for case in results.cases))
    parts = ["# What an estimate is worth after the fused file was changed", "",
             f"Made by `{command}` with {results.maker} ({results.fingerprint[:12]}) on {results.device} "
             f"in {results.seconds / 60:.0f} minutes.", "", _data(results), "", table(header, [_row(results, damage)
                                                                                          for damage in results.damages]), "", NOTES, ""]
    parts += [f"![Estimate, floor, and error over spread, by damage](pictures/{name})\n" for name in pictures]
    parts += ["## Case by case", "", "Q_SSIM inside the head, first / second; error over spread, first / second.", ""]
    for column in columns:
        cases = [case for case in results.cases if case.column == column]
        lines = [[damage.title, *(_cell(case.outcomes[damage.key]) for case in cases)] for damage in results.damages]
        parts += [f"### {column}", "", table(["damage", *(case.name for case in cases)], lines), ""]
    parts += ["## What the user is told", ""]
    for damage in results.damages:
        parts += [f"- {damage.title}:" + ("".join(f"\n  - {sentence}" for sentence in results.sentences(damage.key)) or " nothing.")]
    return "\n".join(parts).rstrip() + "\n"


def _data(results: Results) -> str:
    lines = [f"- {case.column}: {case.name}, slices {', '.join(map(str, case.slices))}" for case in results.cases]
    return "\n".join(["Cases and slices (none of them had a part in training, nor in any calibration):", "", *lines])


def _row(results: Results, damage) -> list[str]:
    if not results.values(damage.key, "q"):
        return [damage.title, "refused", *["–"] * 5, _told(results, damage)]
    refused = sum(bool(case.outcomes[damage.key].refused) for case in results.cases)
    return [damage.title, _range(results.values(damage.key, "q")) + (f", {refused} refused" if refused else ""),
            _range(results.values(damage.key, "floor")), format(min(results.below_floor(damage.key)), "+.3f"),
            _range(results.values(damage.key, "error"), ".3f"), _range(results.values(damage.key, "ratio"), ".2f"),
            _range(results.values(damage.key, "held"), ".0%"), _told(results, damage)]


def _told(results: Results, damage) -> str:
    return f"{results.told(damage.key)} of {len(results.cases)}"


def _range(values: list[float], form: str = ".3f") -> str:
    low, high = (format(value, form) for value in (min(values), max(values)))
    return low if low == high else f"{low} to {high}"


def _cell(outcome) -> str:
    if outcome.refused:
        return "refused"
    figures = outcome.figures
    return f"{figures['q_1']:.3f} / {figures['q_2']:.3f}; {figures['ratio_1']:.2f} / {figures['ratio_2']:.2f}"


def as_json(results: Results, command: str) -> str:
    """All figures and sentences, and what made them."""
    cases = [{"column": case.column, "case": case.name, "slices": list(case.slices),
              "damages": {key: {"figures": outcome.figures, "told": list(outcome.told), "refused": outcome.refused}
                          for key, outcome in case.outcomes.items()}} for case in results.cases]
    titles = {damage.key: damage.title for damage in DAMAGES}
    return json.dumps({"command": command, "maker": results.maker, "fingerprint": results.fingerprint, "device": results.device,
                       "damages": titles, "cases": cases}, indent=1) + "\n"


def as_csv(results: Results) -> str:
    """A line a case and damage."""
    names = [f"{figure}_{n}" for figure in FIGURES for n in (1, 2)]
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["column", "case", "damage", *names, "told", "refused"])
    for case in results.cases:
        for key, outcome in case.outcomes.items():
            writer.writerow([case.column, case.name, key, *(f"{outcome.figures[name]:.6g}" if outcome.figures else "" for name in names),
                             int(bool(outcome.told)), int(bool(outcome.refused))])
    return file.getvalue()
