"""What networks that suggest outlines mark where nothing is: in the half of a head in which nothing was drawn, and in heads made up
without a lesion."""
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import nn

from FusionINNLib.outlining import model as models
from FusionINNLib.outlining.canvas import canvas_of, heads, images_on
from FusionINNLib.outlining.logits import logits_of
from FusionINNLib.outlining.networks import slices_of
from FusionINNLib.outlining.outline import Rule, outline_of, probability_of
from training.data.targets import Target
from training.loop.config import load_config
from training.loop.export import load_run
from training.segmentation.fit import run_folder
from training.segmentation.folds import folds
from training.segmentation.held_out import TRAINERS, Patient, finished_folds, logits_of_fold, patient_of
from training.segmentation.made_up import Images, made_up
from training.segmentation.measure import Report, example_of, rule_for

WHOLE_HEADS = "brats18"
"""The set that shows them; of LGG there are slices with a lesion alone."""
REAL, PATCHED, TWICE = "real", "patched", "twice"
"""A patient's head, and what `made_up` makes of it."""


@dataclass(frozen=True)
class Reader:
    """A network with its rule. held_back, seen: (set, case) of patients that it was not trained on, and of those that it was, with their
    lesions."""

    network: nn.Module
    slices: int
    rule: Rule
    held_back: tuple[tuple[str, str], ...]
    seen: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Marked:
    """marked: boolean (k, j, i). sure: median probability inside, None where nothing is marked."""

    marked: np.ndarray
    sure: float | None


@dataclass(frozen=True)
class Found:
    """One patient. is_held_back: from the network. sure: head -> as of `Marked`, in all of its slices.

    For patients of `WHOLE_HEADS` alone: slices: how many of the head's (`all_slices`) count, those in whose half nothing was drawn. half_l:
    of that half in them, in litres. ml: head -> marked in them, for the real head in that half only.
    """

    set: str
    case: str
    is_held_back: bool
    sure: dict[str, float | None]
    slices: int = 0
    all_slices: int = 0
    half_l: float = 0.0
    ml: dict[str, float] = field(default_factory=dict)

    @property
    def is_free(self) -> bool:
        """Whether the made-up heads show nothing of a lesion in any slice."""
        return 0 < self.slices == self.all_slices


def shipped_reader() -> Reader:
    """The model that comes with the program."""
    model = models.load()
    val, train = (tuple((name, case) for name, parts in model.card.data["split"].items() for case in parts[part])
                  for part in ("val", "train"))
    return Reader(model.network, model.slices, model.rule, val, train)


def readers_of(canvas: Path, splits: Path, runs: Path, row: str, target: Target, device: str, report: Report) -> list[Reader]:
    """The networks of all finished folds of a row, each with a rule of what the others hold back."""
    done = finished_folds(runs, row)
    examples = {fold: [example_of(canvas, *found) for found in logits_of_fold(canvas, splits, runs, row, fold, report, device, target)]
                for fold in done}
    readers = []
    for fold in done:
        folder = run_folder(runs, row, fold)
        held_back = tuple((name, case) for name, parts in folds(splits, target)[fold].items() for case in parts["val"])
        slices = slices_of(load_config(folder / "config.json", TRAINERS).settings)
        readers.append(Reader(load_run(folder, TRAINERS), slices, rule_for(examples, fold), held_back))
    return readers


def measure(prepared: Path, readers: list[Reader], device: str, report: Report) -> Iterator[Found]:
    """Every patient of every reader."""
    for reader in readers:
        for name, case in (*reader.held_back, *reader.seen):
            found = found_of(reader, patient_of(prepared, name, case), torch.device(device))
            report(f"{case}: {', '.join([f'{head} {ml:.2f} mL' for head, ml in found.ml.items()]) or 'measured'}")
            yield found


def found_of(reader: Reader, patient: Patient, device: torch.device) -> Found:
    """Of one patient."""
    is_held_back = (patient.set, patient.name) in reader.held_back
    real = marked_by(reader, (patient.t1ce, patient.flair), patient.spacing_mm, device)
    if patient.set != WHOLE_HEADS:
        return Found(patient.set, patient.name, is_held_back, {REAL: real.sure})
    made = made_up(patient)
    patched, twice = (marked_by(reader, images, patient.spacing_mm, device) for images in (made.patched, made.twice))
    counted = made.is_free[:, None, None]
    litres, *ml = (float(np.count_nonzero(part & counted)) * patient.voxel_ml
                   for part in (made.half, real.marked & made.half, patched.marked, twice.marked))
    heads_of = REAL, PATCHED, TWICE
    return Found(patient.set, patient.name, is_held_back, dict(zip(heads_of, (real.sure, patched.sure, twice.sure))),
                 int(made.is_free.sum()), int(made.half.any((1, 2)).sum()), litres / 1000, dict(zip(heads_of, ml)))


def marked_by(reader: Reader, images: Images, spacing_mm: tuple[float, float, float], device: torch.device) -> Marked:
    """What the program marks in T1ce and FLAIR, (k, j, i) with axes R, A, S."""
    head = heads(*images)
    canvas = canvas_of(head, spacing_mm)
    logits = logits_of(reader.network, reader.slices, images_on(canvas, images, head), device)
    probability = probability_of(logits, canvas, reader.rule.temperature)
    marked = outline_of(probability, float(np.prod(spacing_mm)) / 1000, reader.rule)
    return Marked(marked, float(np.median(probability[marked])) if marked.any() else None)
