"""A trained run becomes a model folder: averaged weights that load without pickle, and a card that says where they come from."""
import json
from pathlib import Path
from pickle import UnpicklingError

import torch
from torch import nn

from FusionINNLib.atomic import new_folder
from FusionINNLib.errors import ModelError
from FusionINNLib.methods import weights
from FusionINNLib.methods.model_card import CARD, WEIGHTS
from training.data.prepare import PreparedCase
from training.loop.config import Trainers, load_config


def load_run(run: Path, trainers: Trainers) -> nn.Module:
    """The network of a run with its best averaged weights, ready to use. Raises ModelError where it has none yet."""
    if not (run / "best.pt").exists():
        raise ModelError(f"{run} holds no best.pt: train to the first validation at least.")
    if not (run / "config.json").exists():
        raise ModelError(f"{run} holds no config.json: give the folder of a run.")
    try:
        config = load_config(run / "config.json", trainers)
        network = trainers[config.preset].network_of(config)
    except (ValueError, TypeError) as problem:
        raise ModelError(f"The config.json of {run.name} is damaged or of another version ({problem}): train again.") from problem
    try:
        network.load_state_dict(torch.load(run / "best.pt", map_location="cpu", weights_only=True))
    except (RuntimeError, KeyError, ValueError, TypeError, EOFError, UnpicklingError) as problem:
        raise ModelError(f"The weights best.pt of {run.name} are damaged or of another network: train again.") from problem
    return network.eval().requires_grad_(False)


def export(run: Path, folder: Path, cases: list[PreparedCase], facts: dict, trainers: Trainers, overwrite: bool = False) -> None:
    """Write weights and card.

    Args:
        cases: of the training split; what the card says of the model's output is measured on them.
        facts: what else the card says: data, split, command, metrics, terms; JSON-ready.
        trainers: which training belongs to the run, see trainers/registry.py.

    Raises ModelError where the run has no weights yet, or none that a model can be made of.
    """
    network, trainer = load_run(run, trainers), trainers[load_config(run / "config.json", trainers).preset]
    network = trainer.exported(network)
    card = {"id": folder.name, "description": facts["description"], **trainer.card_facts(network, cases),
            "training": json.loads((run / "config.json").read_text()), **facts}
    with new_folder(folder, overwrite, frozenset({CARD, WEIGHTS})) as part:
        weights.write(part, network.state_dict(), card)
