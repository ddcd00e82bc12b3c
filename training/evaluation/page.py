"""Results as a page for people (`results.md`) and as tables for programs (`results.csv`, `results.json`)."""
import csv
import io
import json
from dataclasses import replace

import numpy as np

from FusionINNLib import __version__
from FusionINNLib.results.recipe import NOTICE
from training.evaluation.definitions import CAVEATS, DEFINITIONS, PICTURES, RELEASED_PROGRAM
from training.evaluation.evaluate import ColumnResult, Results
from training.evaluation.rows import EXACT_LABEL, RELEASED_ROWS, ROWS, TRAINED, UNSEEN, Row, exact_is_met, exact_target, exact_words

_MARKS = {True: "yes", False: "**no**", None: ""}


def page(results: Results, command: str, pictures: list[str]) -> str:
    """The whole page, Markdown.

    Args:
        command: what gives this page again.
        pictures: file names in `pictures/` beside the page.
    """
    by_key = {result.column.key: result for result in results.columns}
    asked = [by_key[key] for key in (TRAINED, UNSEEN) if key in by_key]
    others = [result for result in results.columns if result not in asked]
    parts = [_head(results, command)]
    if asked:
        parts += ["## What was asked, and what was measured", main_table(asked)]
    if others:
        parts += ["## Other contrasts, grids and diseases", plain_table(others)]
    if all(key in result.cases[0].means for result in results.columns for row in RELEASED_ROWS for key in row.keys):
        parts += ["## The released program, with its two sigmoids", RELEASED_PROGRAM, released_table(list(results.columns))]
    if asked:
        parts += ["## Patient by patient", *(_patients(result) for result in results.columns if len(result.cases) > 1)]
    parts += ["## Definitions", DEFINITIONS, "## What to keep in mind", CAVEATS, _not_run(by_key), _remarks(results)]
    if pictures:
        parts += ["## Pictures", *(f"{PICTURES[name]}\n\n![{name}](pictures/{name})" for name in pictures)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _head(results: Results, command: str) -> str:
    card = results.card
    lines = ["# Results", "", f"Written by `{command}`; no number here was edited by hand.", "",
             f"- model `{card.id}` ({card.architecture}), weights SHA-256 `{card.sha256}`",
             f"- FusionINN {__version__}, {results.device}, {results.seconds / 60:.1f} minutes", f"- {NOTICE}", ""]
    lines += [f"- {result.column.title}: {len(result.cases)} patient{'s' if len(result.cases) > 1 else ''}, "
              f"{sum(len(case.slices) for case in result.cases)} slices ({result.column.slices})" for result in results.columns]
    return "\n".join(lines)


def main_table(asked: list[ColumnResult]) -> str:
    """Values of the two columns that targets are for, each beside its target. Means over patients."""
    header = ["", *(word for result in asked for word in (result.column.title, "asked", "met"))]
    lines = [[EXACT_LABEL]]
    for result in asked:
        lines[0] += [exact_words(result), exact_target(result.column.key), _MARKS[exact_is_met(result)]]
    for row in ROWS:
        lines.append([row.label])
        for result in asked:
            target = row.targets.get(result.column.key)
            lines[-1] += [row.show(result.mean), target.words if target else "", _MARKS[row.is_met(result)]]
    return _markdown(header, lines)


def plain_table(columns: list[ColumnResult]) -> str:
    """Values of columns without targets. Means over patients."""
    return _table(columns, [[EXACT_LABEL, *(exact_words(result) for result in columns)]], ROWS)


def released_table(columns: list[ColumnResult]) -> str:
    """What the released program gives beside what this one gives with the same weights. Means over patients."""
    return _table(columns, [], RELEASED_ROWS)


def _table(columns: list[ColumnResult], lines: list[list[str]], rows: tuple[Row, ...]) -> str:
    lines += [[row.label, *(row.show(result.mean) for result in columns)] for row in rows]
    return _markdown(["", *(result.column.title for result in columns)], lines)


def _patients(result: ColumnResult) -> str:
    """Each patient of a column, the spread over patients, and the mean over slices instead of patients."""
    header = [result.column.title, *(f"{case.name} ({len(case.slices)} slices)" for case in result.cases),
              "mean over patients", "standard deviation over patients", "mean over slices"]
    lines = []
    for row in ROWS:
        cells = [row.show(case.means.__getitem__) for case in result.cases]
        spread = replace(row, form=row.form.lstrip("+")).show(lambda key: float(np.std(result.of_cases(key), ddof=1)))
        lines.append([row.label, *cells, row.show(result.mean), spread, row.show(result.slice_mean)])
    return _markdown(header, lines)


def _not_run(by_key: dict[str, ColumnResult]) -> str:
    missing = [name for key, name in ((TRAINED, "T1ce / FLAIR of the validation patients"), (UNSEEN, "ADC / FLAIR")) if key not in by_key]
    return "".join(f"- Not run, because the data were not there: {name}.\n" for name in missing).rstrip()


def _remarks(results: Results) -> str:
    return "\n".join(f"- {result.column.title}, {case.name}: {remark}" for result in results.columns for case in result.cases
                     for remark in case.remarks)


def _markdown(header: list[str], lines: list[list[str]]) -> str:
    rows = [header, ["---"] * len(header), *lines]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


# ---- for programs ------------------------------------------------------------------------------------------------------------------


def as_json(results: Results, command: str) -> str:
    """Everything that was measured, but for single slices."""
    content = {"command": command, "model": results.card.id, "sha256": results.card.sha256, "version": __version__,
               "device": results.device, "columns": {result.column.key: _column(result) for result in results.columns}}
    return json.dumps(content, indent=1) + "\n"


def _column(result: ColumnResult) -> dict:
    keys = result.cases[0].means
    return {"title": result.column.title, "slices": result.column.slices,
            "mean_over_patients": {key: round(result.mean(key), 6) for key in keys},
            "mean_over_slices": {key: round(result.slice_mean(key), 6) for key in keys},
            "cases": {case.name: {"exact": case.exact, "exact_counts_voxels": case.counts_voxels, "remarks": case.remarks,
                                  "slices": list(case.slices), "means": {key: round(value, 6) for key, value in case.means.items()}}
                      for case in result.cases}}


def as_csv(results: Results) -> str:
    """One line a case and one for each column's mean over patients and over slices."""
    keys = list(results.columns[0].cases[0].means)
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["column", "case", "slices", "exact_first", "exact_second", *keys])
    for result in results.columns:
        for case in result.cases:
            writer.writerow([result.column.key, case.name, len(case.slices), *(f"{error:.3g}" for error in case.exact),
                             *(f"{case.means[key]:.6f}" for key in keys)])
        total = sum(len(case.slices) for case in result.cases)
        for name, mean in (("mean over patients", result.mean), ("mean over slices", result.slice_mean)):
            writer.writerow([result.column.key, name, total, "", "", *(f"{mean(key):.6f}" for key in keys)])
    return file.getvalue()
