"""The table of what fusing is worth for an outline, as Markdown, CSV and JSON. No picture of a patient is made."""
import json
from dataclasses import asdict

import numpy as np

from training.benchmark.intervals import Table, difference, mean_of
from training.data.targets import WHOLE
from training.markdown import number, table
from training.segmentation.measure import Figures
from training.segmentation.page import METRICS
from training.segmentation.worth import FLAIR, QUESTIONS, SOURCES

WORDS = """One network for all rows: MONAI's plain two-channel U-Net, 800 steps of 8 slices, seed 0, on the same slices, heads and drawn
outlines; only what it is shown differs. One image alone is shown as both contrasts, to a network that was trained on such images. What
comes back from a fused image is shown to the network that was trained on the sources, as a user would. The fused image is that of the
default model, which was itself trained on the training patients of the split, not on those of the first fold. Every patient was held back
from the network that is measured on it; temperature and islands rule come from patients that the other folds hold back, shown the same.
Means over patients with 95 % bootstrap intervals. *Against*: Dice minus that of the row on both sources, or on FLAIR alone, on the same
patients."""


def page(found: dict[str, list[Figures]], command: str) -> str:
    """The measured part of docs/worth.md."""
    parts = [f"Made by `{command}`.", WORDS, *(_table(found, name) for name in WHOLE.titles)]
    return "\n\n".join(parts) + "\n"


def as_json(found: dict[str, list[Figures]], command: str) -> str:
    """Every patient of every row, without bins of calibration."""
    rows = {shown: [{key: value for key, value in asdict(one).items() if key != "bins"} for one in figures]
            for shown, figures in found.items()}
    return json.dumps({"command": command, "rows": rows}, indent=1) + "\n"


def _table(found: dict[str, list[Figures]], name: str) -> str:
    lines = []
    for question in QUESTIONS:
        if figures := [one for one in found.get(question.shown, []) if one.set == name]:
            means = [mean_of(_of(figures, metric)) for metric, _, _ in METRICS]
            cells = [f"{number(mean.value, form)} ({number(mean.low, form)}–{number(mean.high, form)})"
                     for mean, (_, _, form) in zip(means, METRICS)]
            against = [_against(found, question.shown, other, name) for other in (SOURCES, FLAIR)]
            lines.append([question.title, str(len(figures)), *cells, *against])
    return f"### {WHOLE.titles[name]}\n\n" + table(["shown", "patients", *(title for _, title, _ in METRICS), "against both sources",
                                                "against FLAIR"], lines)


def _of(figures: list[Figures], metric: str) -> Table:
    return {one.case: {0: np.nan if (value := getattr(one, metric)) is None else value} for one in figures}


def _against(found: dict[str, list[Figures]], shown: str, other: str, name: str) -> str:
    """A dash for a row itself, and where the other one was not measured."""
    if other == shown or other not in found:
        return "–"
    mean = difference(*(_of([one for one in found[key] if one.set == name], "dice") for key in (shown, other))).mean
    return f"{number(mean.value, '+.3f')} ({number(mean.low, '+.3f')} to {number(mean.high, '+.3f')})"
