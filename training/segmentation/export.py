"""A trained fold becomes the model folder that suggests outlines; its rule comes from what the other folds hold back."""
import json
from pathlib import Path

import torch

from FusionINNLib.atomic import new_folder
from FusionINNLib.errors import ModelError
from FusionINNLib.methods import weights
from FusionINNLib.methods.model_card import CARD, WEIGHTS
from FusionINNLib.outlining.model import METHOD
from training.data.canvas_cases import CONTRASTS, SETS
from training.loop.export import load_run
from training.segmentation.fit import run_folder
from training.segmentation.held_out import TRAINERS, finished_folds, logits_of_fold
from training.segmentation.measure import Figures, Measured, example_of, rule_for

TERMS = ("Weights: see MODEL_LICENSE. Trained on BraTS 2018 and TCGA-LGG (Buda 2019), whose terms allow research only. Research use only, "
         "not for diagnosis.")


def export(canvas: Path, splits: Path, runs: Path, row: str, fold: int, out: Path, measured: Measured, overwrite: bool = False) -> None:
    """Write weights (float16, where that holds them) and card. Raises ModelError where the run or the other folds are not there."""
    done = finished_folds(runs, row)
    if fold not in done or len(done) < 2:
        raise ModelError(f"{row} has {len(done)} finished fold(s): train fold {fold} and another, "
                         "from which its rule is learned.")
    folder = run_folder(runs, row, fold)
    network, config = load_run(folder, TRAINERS), json.loads((folder / "config.json").read_text(encoding="utf-8"))
    others = {other: [example_of(canvas, *found) for found in logits_of_fold(canvas, splits, runs, row, other, print)]
              for other in done if other != fold}
    card = {"id": out.name, "method": METHOD, "description": "Suggests an outline of a glioma from T1 with contrast and FLAIR. Nobody drew "
            "what it gives. Research use only.", "network": config["settings"], "rule": rule_for(others, fold).to_dict(),
            "trained_on": list(CONTRASTS), "training": config, "split": json.loads((folder / "split.json").read_text(encoding="utf-8")),
            "gradients": f"clipped at norm {config['clip']:g}",
            "metrics": _means([one for one in measured.figures if one.row == row], fold), "terms": TERMS}
    with new_folder(out, overwrite, frozenset({CARD, WEIGHTS})) as part:
        weights.write(part, {name: _half(tensor) for name, tensor in network.state_dict().items()}, card)


def _half(tensor: torch.Tensor) -> torch.Tensor:
    """Variances of a batch may be larger than float16 holds; infinite ones would silence their channel."""
    is_held = tensor.is_floating_point() and bool(torch.isfinite(tensor.half()).all())
    return tensor.half() if is_held else tensor


def _means(figures: list[Figures], fold: int) -> dict[str, object]:
    """Mean Dice of all folds, and of the patients that these very weights have not seen."""
    def mean(found: list[Figures]) -> dict[str, float]:
        return {name: round(sum(one.dice or 0 for one in part) / len(part), 3)
                for name in SETS if (part := [one for one in found if one.set == name])}

    return {"dice, all folds": mean(figures),
            "dice, patients held back from these weights": mean([one for one in figures if one.fold == fold])}
