"""Does fusing help to find a tumour? The same network trained on both sources, on one image alone, and given what came out of one.

    CANVASES/<what is shown>/    what `segment-prepare` wrote; 'sources' for both sources
    RUNS/<trained on>/<row>/foldN what `segment-fit` wrote
"""
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from FusionINNLib.outlining.logits import logits_of
from FusionINNLib.outlining.networks import slices_of
from training.loop.config import load_config
from training.loop.export import load_run
from training.segmentation.fit import run_folder
from training.segmentation.folds import folds
from training.segmentation.held_out import TRAINERS, Patient, canvas_case, finished_folds
from training.segmentation.measure import Figures, Report, figures_of
from training.segmentation.rows import ROWS

ROW = next(iter(ROWS))  # the shipped one
SOURCES, FLAIR = "sources", "second"


@dataclass(frozen=True)
class Question:
    """A row of the table. shown: what the network is given of patients that were held back. trained_on: what its training showed."""

    title: str
    shown: str
    trained_on: str = SOURCES


QUESTIONS = (
    Question("both sources", SOURCES),
    Question("both sources as they come back exactly", "exact"),
    Question("both sources as estimated from the fused image", "estimated"),
    Question("both sources as estimated from the fused image in 8 bit", "estimated-8bit"),
    Question("the fused image alone", "fused", "fused"),
    Question("the plain average alone", "average", "average"),
    Question("T1 with contrast alone", "first", "first"),
    Question("FLAIR alone", FLAIR, FLAIR),
)


def measure(canvases: Path, prepared: Path, splits: Path, runs: Path, device: str, report: Report) -> dict[str, list[Figures]]:
    """What is shown -> figures of every patient that was held back, for all questions whose images and runs are there."""
    patients: dict[tuple[str, str], Patient] = {}
    found: dict[str, list[Figures]] = {}
    for question in QUESTIONS:
        canvas, trained = canvases / question.shown, runs / question.trained_on
        done = finished_folds(trained, ROW) if canvas.exists() else []
        if done:
            logits = {fold: _logits(canvas, splits, trained, fold, device) for fold in done}
            found[question.shown] = figures_of(question.shown, logits, canvas, prepared, patients, report)[1]
    return found


def _logits(canvas: Path, splits: Path, runs: Path, fold: int, device: str) -> list[tuple[str, str, np.ndarray]]:
    """Of all patients that a fold holds back, computed anew: what is shown may be another thing than in its training."""
    folder = run_folder(runs, ROW, fold)
    network, slices = load_run(folder, TRAINERS).eval(), slices_of(load_config(folder / "config.json", TRAINERS).settings)
    return [(name, case, logits_of(network, slices, canvas_case(canvas, name, case).contrasts.astype(np.float32), torch.device(device)))
            for name, parts in folds(splits)[fold].items() for case in parts["val"]]
