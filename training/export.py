"""A trained run becomes a model folder: averaged weights that load without pickle, and a card that says where they come from."""
import json
from collections.abc import Callable
from pathlib import Path
from pickle import UnpicklingError

import numpy as np
import torch

from FusionINNLib import models
from FusionINNLib.errors import ModelError
from FusionINNLib.networks import FusionNetwork, build
from FusionINNLib.outputs import new_folder
from FusionINNLib.released import PAPER_MARGIN
from training.config import load_config
from training.paper_data import slice_sources
from training.prepare import PreparedCase

DEFAULT_MARGIN = 8  # pixels; a crop in training ends in the head as often as in background, so little is needed


def load_run(run: Path) -> FusionNetwork:
    """The best averaged weights of a run. Raises ModelError where it has none yet."""
    if not (run / "best.pt").exists():
        raise ModelError(f"{run} holds no best.pt: train to the first validation at least.")
    if not (run / "config.json").exists():
        raise ModelError(f"{run} holds no config.json: give the folder of a run.")
    try:
        config = load_config(run / "config.json")
        network = build(config.preset, config.settings)
    except (ValueError, TypeError) as problem:
        raise ModelError(f"The config.json of {run.name} is damaged or of another version ({problem}): train again.") from problem
    try:
        network.load_state_dict(torch.load(run / "best.pt", map_location="cpu", weights_only=True))
    except (RuntimeError, KeyError, ValueError, EOFError, UnpicklingError) as problem:
        raise ModelError(f"The weights best.pt of {run.name} are damaged or of another network: train again.") from problem
    return network.eval().requires_grad_(False)


def export(run: Path, folder: Path, cases: list[PreparedCase], facts: dict, overwrite: bool = False) -> None:
    """Write weights and card.

    Args:
        cases: of the training split; the typical brightness of fused images is measured on them.
        facts: what else the card says: data, split, command, metrics, terms; JSON-ready.
    """
    config, network = load_config(run / "config.json"), load_run(run)
    is_paper = config.preset == "paper"
    card = {"id": folder.name, "description": facts["description"], "normalization": "slice" if is_paper else "volume",
            "margin": PAPER_MARGIN if is_paper else DEFAULT_MARGIN,
            "typical_bright": typical_bright(network, cases, slice_sources if is_paper else PreparedCase.sources),
            "training": json.loads((run / "config.json").read_text()), **facts}
    with new_folder(folder, overwrite, frozenset({models.CARD, models.WEIGHTS})) as part:
        models.write(part, network, card)


@torch.no_grad()
def typical_bright(network: FusionNetwork, cases: list[PreparedCase], sources_of: Callable = PreparedCase.sources) -> float:
    """Median over cases of the 99.9th percentile of the fused T1ce and FLAIR inside the head; `sources_of` normalises slices."""
    levels = []
    for case in cases:
        chosen = [case.index("t1ce"), case.index("flair")]
        slices = np.linspace(0.2, 0.8, 7) * (case.contrasts.shape[1] - 1)
        values = []
        for k in slices.round().astype(int):
            pair = sources_of(case, k, chosen)
            height, width = (n - n % 4 for n in pair.shape[1:])
            sources = torch.from_numpy(pair[None, :, :height, :width])
            fused = network.fuse(sources)[0][0, 0].numpy()
            values.append(fused[pair[:, :height, :width].max(0) > 0.05])
        levels.append(np.percentile(np.concatenate(values), 99.9))
    return round(float(np.median(levels)), 4)
