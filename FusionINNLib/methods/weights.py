"""Weights of a model on disk: checked against its card when they are read, nothing is unpickled; written with their card."""
import hashlib
import io
import json
from pathlib import Path

import torch
from torch import Tensor

from FusionINNLib.errors import ModelError
from FusionINNLib.methods.model_card import CARD, WEIGHTS


def read(folder: Path, model: str, sha256: str) -> dict[str, Tensor]:
    """The state dict in the folder of a model, on the CPU. Raises ModelError where weights are missing, damaged or not those of the card.

    Args:
        model: its id, for messages.
        sha256: of the file, as the card has it.
    """
    path = folder / WEIGHTS
    try:
        checksum = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as problem:
        raise ModelError(f"The weights of model {model!r} are missing: install the model again.") from problem
    if checksum != sha256:
        raise ModelError(f"The weights of model {model!r} are damaged or were swapped (their checksum differs from the card's): "
                         "install the model again.")
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as problem:  # torch raises half a dozen kinds here
        raise misfit(model) from problem


def write(folder: Path, state: dict[str, Tensor], card: dict) -> None:
    """Weights and card of a model into an existing folder.

    Args:
        card: everything of a card but the checksum; JSON-ready.
    """
    buffer = io.BytesIO()
    torch.save({name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}, buffer)
    (folder / WEIGHTS).write_bytes(buffer.getvalue())
    complete = card | {"sha256": hashlib.sha256(buffer.getvalue()).hexdigest()}
    (folder / CARD).write_text(json.dumps(complete, indent=1) + "\n", encoding="utf-8")


def misfit(model: str) -> ModelError:
    """What is said of weights that no network of the card can take."""
    return ModelError(f"The weights of model {model!r} do not fit its card: install the model again.")
