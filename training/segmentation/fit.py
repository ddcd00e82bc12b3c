"""Train rows of the table of outlines, fold by fold; goes on where it was interrupted.

    RUNS/<row>/fold<n>/    a run of the loop, see training/loop/trainer.py; split.json beside its checkpoints says who was held back
"""
import json
from collections.abc import Callable, Sequence
from pathlib import Path

from FusionINNLib.atomic import replacing
from training.data.targets import WHOLE, Target
from training.loop.run_settings import settings_of
from training.segmentation.folds import folds
from training.segmentation.rows import ROWS
from training.segmentation.trainer import OutlineTrainer

PRESET = "outline"


def run_folder(runs: Path, row: str, fold: int) -> Path:
    """Where a row's run of a fold lies."""
    return runs / row / f"fold{fold}"


def fit(canvas: Path, splits: Path, runs: Path, rows: Sequence[str], chosen: Sequence[int], device: str = "cpu",
        report: Callable[[str], None] = print, target: Target = WHOLE) -> None:
    """Train what is missing of some rows and folds.

    Args:
        canvas: what `segment-prepare` wrote for the target.
        splits: JSON, set -> train, val -> case names.
    """
    table = folds(splits, target)
    for row in rows:
        for fold in chosen:
            folder = run_folder(runs, row, fold)
            folder.mkdir(parents=True, exist_ok=True)
            with replacing(folder / "split.json") as file:
                file.write((json.dumps(table[fold], indent=1) + "\n").encode())
            report(f"{row}, fold {fold}")
            _fit(canvas, folder, row, device, report)


def _fit(canvas: Path, folder: Path, row: str, device: str, report: Callable[[str], None]) -> None:
    settings = [f"{name}={json.dumps(value)}" for name, value in ({"preset": PRESET} | ROWS[row].settings).items()]
    is_begun = (folder / "last.pt").exists()
    config, _ = settings_of(folder, None, settings, is_begun, False, {PRESET: OutlineTrainer})
    OutlineTrainer(config, canvas, folder / "split.json", folder, device).run(report)
