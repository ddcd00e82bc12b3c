"""What a row's networks say of patients that they were not trained on: logits on the canvas, kept beside each run."""
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from FusionINNLib.atomic import replacing
from FusionINNLib.outlining.canvas import Canvas, canvas_of, heads
from FusionINNLib.outlining.logits import logits_of
from FusionINNLib.outlining.networks import slices_of
from FusionINNLib.outlining.order import surer_as_given
from training.data.canvas_cases import SETS, sources_of, turned
from training.data.prepare import PreparedCase, load
from training.data.targets import WHOLE, Target
from training.loop.config import load_config
from training.loop.export import load_run
from training.segmentation.fit import PRESET, run_folder
from training.segmentation.folds import NUMBER, folds
from training.segmentation.trainer import OutlineTrainer

TRAINERS = {PRESET: OutlineTrainer}


@dataclass(frozen=True)
class Patient:
    """One patient on the grid of its prepared case, axes R, A, S.

    drawn: of the target. lesion: all that was drawn. Both and head: boolean (k, j, i). spacing_mm: voxel edges along (k, j, i). t1ce,
    flair: stored values.
    """

    set: str
    name: str
    drawn: np.ndarray
    lesion: np.ndarray
    head: np.ndarray
    canvas: Canvas
    spacing_mm: tuple[float, float, float]
    t1ce: np.ndarray
    flair: np.ndarray

    @property
    def voxel_ml(self) -> float:
        """Volume of a voxel."""
        return float(np.prod(self.spacing_mm)) / 1000


def patient_of(prepared: Path, name: str, case: str, target: Target = WHOLE) -> Patient:
    """A patient of a set."""
    found = load(prepared / name / f"{case}.npz")
    first, second = sources_of(found)
    head = heads(first, second)
    labels = turned(found.labels)
    return Patient(name, case, target.drawn(labels), WHOLE.drawn(labels), head, canvas_of(head, SETS[name]), SETS[name], first, second)


def finished_folds(runs: Path, row: str) -> list[int]:
    """The folds of a row whose runs have done all of their steps."""
    return [fold for fold in range(NUMBER) if _is_finished(run_folder(runs, row, fold))]


def _is_finished(folder: Path) -> bool:
    if not (folder / "last.pt").exists():
        return False
    steps = load_config(folder / "config.json", TRAINERS).steps
    return torch.load(folder / "last.pt", map_location="cpu", weights_only=True)["step"] >= steps


def logits_of_fold(canvas: Path, splits: Path, runs: Path, row: str, fold: int, report: Callable[[str], None],
                   device: str = "cpu", target: Target = WHOLE) -> Iterator[tuple[str, str, np.ndarray]]:
    """(set, case, logits (S, H, W) float32) of all patients that a fold holds back; from files where they were computed before."""
    folder = run_folder(runs, row, fold)
    network: nn.Module | None = None
    for name, parts in folds(splits, target)[fold].items():
        for case in parts["val"]:
            path = folder / "logits" / f"{name}-{case}.npz"
            if not path.exists():
                network = network or load_run(folder, TRAINERS)
                slices = slices_of(load_config(folder / "config.json", TRAINERS).settings)
                images = load(canvas / name / f"{case}.npz").contrasts.astype(np.float32)
                _keep(path, logits_of(network, slices, images, torch.device(device)))
                report(f"{row}, fold {fold}: {case}")
            with np.load(path) as stored:
                yield name, case, stored["logits"].astype(np.float32)


def surer_of_fold(canvas: Path, splits: Path, runs: Path, row: str, fold: int, logits: list[tuple[str, str, np.ndarray]],
                  device: str = "cpu") -> list[float]:
    """By how much a fold's network is surer of the patients it holds back, of whom it gave these logits, than with contrasts exchanged."""
    folder = run_folder(runs, row, fold)
    network, slices = load_run(folder, TRAINERS).eval(), slices_of(load_config(folder / "config.json", TRAINERS).settings)
    return [surer_as_given(network, slices, canvas_case(canvas, name, case).contrasts.astype(np.float32), one, torch.device(device))
            for name, case, one in logits]


def _keep(path: Path, logits: np.ndarray) -> None:
    path.parent.mkdir(exist_ok=True)
    with replacing(path) as file:
        np.savez_compressed(file, logits=np.clip(logits, -6e4, 6e4).astype(np.float16))


def canvas_case(canvas: Path, name: str, case: str) -> PreparedCase:
    """A patient as a network sees it."""
    return load(canvas / name / f"{case}.npz")
