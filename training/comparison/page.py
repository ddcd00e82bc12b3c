"""The comparison as a page, as JSON and as CSV."""
import csv
import io
import json
import math

from FusionINNLib import __version__
from FusionINNLib.methods.base import MethodInfo
from FusionINNLib.results.recipe import NOTICE
from training.benchmark.intervals import Difference, Table, difference, mean_of
from training.comparison.compare import AVERAGE, Comparison
from training.comparison.measure import KEYS, CaseFigures
from training.comparison.slabs import SlabSet
from training.markdown import number, table, what_was_skipped

QUALITY = {"q_ssim": "Q_SSIM", "q_xy": "Q_XY", "q_p": "Q_P", "q_fmi": "Q_FMI", "q_ncie": "Q_NCIE", "q_abf": "Q^AB/F", "vif": "VIF"}
CONTENT = {"mi": "MI", "scd": "SCD", "en": "EN", "sd": "SD", "sf": "SF", "ag": "AG"}
HEAD = {f"{key}_masked": f"{QUALITY[key]} in the head" for key in ("q_ssim", "q_xy", "q_p", "q_fmi", "q_ncie")}
SAID = {"q_ssim": "Q_SSIM", "q_p": "Q_P", "vif": "VIF"}
TWO_DIGITS = ("sd", "sf", "ag", "en")
COLORS = {"delta_e2000": "CIEDE2000 to the source in colour", "cb": "Cb, grey levels off", "cr": "Cr, grey levels off"}
NOTES = """\
- Each method is run by the command `fusioninn fuse` in a process of its own, with its own default model and settings, seed 0. Time is
  processor time of the whole command in one thread, the start of Python included, so that other work on the machine counts for little;
  memory is the largest resident memory of the process.
- Means over patients of the means over their slices, with the interval of 95 % of the means that other draws of such patients would have;
  of slices where there is one patient. Differences to the average are of the same slices.
- Metrics are those of `fusioninn evaluate`, on the nominal 0..1 scale; in colour they are of the luminance. `FusionINNLib/metrics` names
  the papers.
- A method that hides nothing in its image has an advantage here over one that can be taken apart again."""


def page(found: Comparison, command: str, pictures: list[str]) -> str:
    """The page `methods.md`."""
    parts = ["# The methods beside each other", "", f"Written by `{command}`; no number here was edited by hand.", "",
             f"FusionINN {__version__}. {NOTICE}", "", _what(found), "", NOTES, "", "## What a method can do, and what it costs", "",
             _costs(found)]
    for entry in found.sets:
        parts += ["", f"## {entry.title}", "", _words(found, entry), "", "Whole slices:", "", _table(found, entry, QUALITY), "",
                  "In the head:", "", _table(found, entry, HEAD), "",
                  "What the fused image holds (more is not always better: noise counts too):", "", _table(found, entry, CONTENT)]
        if any(slab.is_colored for slab in entry.slabs):
            parts += ["", "Colour (brightness is meant to change, Cb and Cr are not):", "", _table(found, entry, COLORS)]
    for name in pictures:
        parts += ["", f"![Every method on one slice, and what it differs by from the average](pictures/{name})"]
    parts += ["", "## What is missing", "", what_was_skipped(found.skipped)]
    return "\n".join(parts).rstrip() + "\n"


def _what(found: Comparison) -> str:
    return "\n".join(f"- {entry.title}: {', '.join(slab.name for slab in entry.slabs)}" for entry in found.sets)


def _costs(found: Comparison) -> str:
    lines = []
    for info in found.methods:
        cases = [case for by_method in found.cases.values() for case in by_method[info.name]]
        if not cases:
            continue
        seconds = sum(case.seconds for case in cases) / sum(case.count for case in cases)
        way = ", ".join(word for word, can in (("exact", info.capabilities.exact), ("estimate", info.capabilities.estimate)) if can)
        lines.append([info.title, info.name, way or "none", f"{info.capabilities.dims}-D",
                      "yes" if info.capabilities.needs_training else "no", number(seconds, ".2f"),
                      number(max(case.megabytes for case in cases), ".0f")])
    return table(["method", "name", "way back", "looks at", "trained", "processor seconds a slice", "MB"], lines)


def _words(found: Comparison, entry: SlabSet) -> str:
    """How each method compares with the average, in a sentence."""
    words = []
    for info in found.methods:
        if info.name == AVERAGE or not found.cases[entry.key][info.name]:
            continue
        gaps = {title: _gap(found, entry, info, key).mean for key, title in SAID.items()}
        parts = [f"{title} {gap.value:+.4f} ({gap.outcome.value})" for title, gap in gaps.items() if math.isfinite(gap.value)]
        words.append(f"{info.title}: {', '.join(parts)}")
    return "Against the plain average: " + "; ".join(words) + "." if words else ""


def _gap(found: Comparison, entry: SlabSet, info: MethodInfo, key: str) -> Difference:
    return difference(_values(found.cases[entry.key][info.name], key), _values(found.cases[entry.key][AVERAGE], key))


def _table(found: Comparison, entry: SlabSet, columns: dict[str, str]) -> str:
    lines = []
    for info in found.methods:
        if cases := found.cases[entry.key][info.name]:
            lines.append([info.title, *(_cell(_values(cases, key), ".2f" if key in TWO_DIGITS else ".3f") for key in columns)])
    return table(["", *columns.values()], lines)


def _cell(values: Table, form: str) -> str:
    mean = mean_of(values)
    return number(mean.value, form) + (f" [{mean.low:{form}}, {mean.high:{form}}]" if math.isfinite(mean.low) else "")


def _values(cases: list[CaseFigures], key: str) -> Table:
    return {case.name: {k: values[key] for k, values in case.slices.items()} for case in cases}


# ---- for programs ------------------------------------------------------------------------------------------------------------------


def as_json(found: Comparison, command: str) -> str:
    """Means over patients, and each patient's costs."""
    sets = {key: {name: _json(cases) for name, cases in by_method.items() if cases} for key, by_method in found.cases.items()}
    return json.dumps({"command": command, "version": __version__, "sets": sets, "skipped": found.skipped}, indent=1) + "\n"


def _json(cases: list[CaseFigures]) -> dict:
    means = {key: mean_of(_values(cases, key)).value for key in KEYS}
    costs = {case.name: {"slices": case.count, "seconds": round(case.seconds, 2), "megabytes": round(case.megabytes)} for case in cases}
    return {"mean": {key: round(value, 6) for key, value in means.items() if math.isfinite(value)}, "cases": costs}


def as_csv(found: Comparison) -> str:
    """One line a set, method, patient and slice."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["set", "method", "case", "slice", *KEYS])
    for key, by_method in found.cases.items():
        for name, cases in by_method.items():
            for case in cases:
                for k, values in case.slices.items():
                    figures = [format(values[one], ".6f") if math.isfinite(values[one]) else "" for one in KEYS]
                    writer.writerow([key, name, case.name, k, *figures])
    return file.getvalue()


