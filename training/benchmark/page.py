"""The benchmark as a page for people and as tables for programs."""
import csv
import io
import json
import math

import numpy as np

from FusionINNLib import __version__
from FusionINNLib.metrics import MASKED_KEYS
from FusionINNLib.results.recipe import NOTICE
from training.benchmark import tables
from training.benchmark.definitions import CREDITS, DATA, definitions
from training.benchmark.intervals import Difference
from training.benchmark.measured import KEYS
from training.benchmark.methods import AVERAGE
from training.benchmark.published import METRICS, ROWS, SOURCE, VALUES
from training.benchmark.reading import reading
from training.benchmark.results import BenchmarkResults, SetResult
from training.markdown import number, text_table, what_was_skipped

TABLE_1 = "brats18"
QUICK = ("> **Quick run**: a few slices, networks trained for a few steps, the three large ones not at all. It shows that everything "
         "works; no number in it means anything.")
FIGURES = {"benchmark_curves.png": "Validation loss of each network by step; grey: the last quarter, by which convergence is judged.",
           "benchmark_differences.png": "Each method minus the plain average with its interval over patients."}


def page(results: BenchmarkResults, command: str, pictures: list[str]) -> str:
    """Markdown.

    Args:
        command: what gives this page again.
        pictures: file names in `pictures/` beside the page.
    """
    parts = [_head(results, command)]
    for found in results.sets:
        parts += _table_1(results, found) if found.entry.key == TABLE_1 else _transfer(results, found)
        parts += [_picture(name) for name in pictures if found.entry.key in name]
    parts += ["## Taking the fused image apart", "From the fused image alone. No other method in these tables can do it.",
              tables.estimate_table(results), "## Cost and convergence", tables.cost_table(results),
              *(_picture(name) for name in pictures if name in FIGURES), "## Definitions", definitions(), "## Data", _data(),
              _cases(results), what_was_skipped(results.skipped)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _head(results: BenchmarkResults, command: str) -> str:
    card = results.card
    lines = ["# Benchmark", "", *([QUICK, ""] if results.is_quick else []),
             f"Written by `{command}`; no number here was edited by hand.", "",
             f"- default model `{card.id}`, weights SHA-256 `{card.sha256}`",
             f"- FusionINN {__version__}, {results.device}", f"- {NOTICE}", ""]
    lines += [f"- {found.entry.title}: {len(found.cases)} patient{'s' if len(found.cases) > 1 else ''}, {sum(found.cases.values())} slices "
              f"({found.entry.words})" for found in results.sets]
    return "\n".join(lines)


def _table_1(results: BenchmarkResults, found: SetResult) -> list[str]:
    masked = tuple(MASKED_KEYS)
    return ["## What the numbers say", reading(results, found),
            "## What was asked, and what was measured", tables.asked_table(results, found),
            f"## Table 1: {found.entry.title}", "Whole slices, background and all. Bold: the best of the ranking and what is tied with it.",
            tables.metric_table(results, found, tables.MAIN), "### In the head", tables.metric_table(results, found, masked),
            "### Against the plain average", tables.difference_table(results, found, tables.MAIN),
            tables.difference_table(results, found, masked), "### Against the plain average, slice by slice",
            tables.slice_table(results, found, tables.MAIN), tables.slice_table(results, found, masked),
            "### Beside the published table", f"Published: {SOURCE} ({ROWS}). Its Q_XY and Q_P are those of the centre of each slice.",
            tables.published_table(results, found), "### Other metrics of the field",
            "EN, SD and SF describe the fused image; more is not better.",
            tables.metric_table(results, found, (*tables.FURTHER, *tables.DESCRIBING), with_interval=False)]


def _transfer(results: BenchmarkResults, found: SetResult) -> list[str]:
    return [f"## Transfer: {found.entry.title}",
            "Never trained on, and nothing was chosen by it. One patient: intervals are over slices." if len(found.cases) == 1 else "",
            tables.metric_table(results, found, tables.MAIN), tables.metric_table(results, found, tuple(MASKED_KEYS)),
            tables.difference_table(results, found, tables.MAIN), tables.difference_table(results, found, tuple(MASKED_KEYS))]


def _picture(name: str) -> str:
    words = FIGURES.get(name)
    if words is None:
        shown = "What can be got back from the fused image alone" if "decomposed" in name else "What each method makes of one slice"
        words = f"{shown}. {next(text for key, text in CREDITS.items() if key in name)}"
    return f"{words}\n\n![{name}](pictures/{name})"


def _data() -> str:
    return text_table(["files", "where to get them", "terms"], [list(row) for row in DATA])


def _cases(results: BenchmarkResults) -> str:
    lines = [f"- {found.entry.title}: " + ", ".join(f"`{name}` ({count} slices)" for name, count in found.cases.items())
             for found in results.sets]
    return "\n".join(["Measured:", "", *lines])


# ---- for programs ------------------------------------------------------------------------------------------------------------------


def as_csv(results: BenchmarkResults) -> str:
    """One line a set, method and metric."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["set", "method", "ranked", "metric", "mean", "low", "high",
                     "minus_average", "minus_average_low", "minus_average_high", "word",
                     "slice_mean", "slice_sd", "share_of_slices", "published"])
    for found in results.sets:
        for name in results.measured:
            for metric in KEYS:
                mean, gap = found.mean(name, metric), found.against(name, AVERAGE, metric)
                if math.isfinite(mean.value):
                    writer.writerow([found.entry.key, name, name in results.ranked, metric, *map(_plain, (mean.value, mean.low, mean.high)),
                                     *_gap(gap), _printed(found, name, metric)])
    return file.getvalue()


def _gap(gap: Difference) -> list[str]:
    values = (gap.mean.value, gap.mean.low, gap.mean.high, gap.slice_mean, gap.slice_sd, gap.share)
    first, last = [_plain(value) for value in values[:3]], [_plain(value) for value in values[3:]]
    return [*first, gap.mean.outcome.value if math.isfinite(gap.mean.value) else "", *last]


def _printed(found: SetResult, name: str, metric: str) -> str:
    return _plain(VALUES[name][METRICS.index(metric)]) if found.entry.key == TABLE_1 and name in VALUES and metric in METRICS else ""


def _plain(value: float) -> str:
    return "" if not math.isfinite(value) else number(value, ".6f")


def as_json(results: BenchmarkResults, command: str) -> str:
    """Everything, down to the means of each patient."""
    content = {"command": command, "quick": results.is_quick, "version": __version__, "device": results.device, "model": results.card.id,
               "sha256": results.card.sha256, "skipped": results.skipped,
               "methods": {method.key: _method(results, method) for method in results.methods},
               "sets": {found.entry.key: _set(results, found) for found in results.sets}}
    return json.dumps(content, indent=1, allow_nan=False) + "\n"


def _method(results: BenchmarkResults, method) -> dict:
    state = method.convergence
    return {"title": method.title, "state": method.state_words, "ranked": method.is_ranked, "parameters": method.parameters,
            "seconds_a_slice": results.seconds.get(method.key),
            "training": state and {"steps": list(state.steps), "validation_loss": [round(loss, 6) for loss in state.losses],
                                   "planned": state.planned, "seconds": state.seconds, "converged": state.is_converged}}


def _set(results: BenchmarkResults, found: SetResult) -> dict:
    values = {name: {metric: {case: _rounded(slices) for case, slices in found.tables[name][metric].items()} for metric in KEYS}
              for name in results.measured}
    return {"title": found.entry.title, "slices": found.entry.words, "cases": found.cases, "means_over_slices": values}


def _rounded(slices: dict[int, float]) -> float | None:
    finite = [value for value in slices.values() if math.isfinite(value)]
    return round(float(np.mean(finite)), 6) if finite else None
