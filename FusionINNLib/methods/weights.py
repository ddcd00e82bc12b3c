"""Weights of a model on disk: checked against its card when they are read, nothing is unpickled; written with their card."""
import hashlib
import io
import json
from pathlib import Path

import torch

from FusionINNLib.errors import ModelError
from FusionINNLib.methods.fusioninn.networks import FusionNetwork, build, describe
from FusionINNLib.methods.model_card import CARD, WEIGHTS, ModelCard


def load(card: ModelCard) -> FusionNetwork:
    """The network of a card on the CPU, ready to use. Raises ModelError where weights are missing, damaged or not those of the card."""
    path = card.folder / WEIGHTS
    try:
        checksum = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as problem:
        raise ModelError(f"The weights of model {card.id!r} are missing: install the model again.") from problem
    if checksum != card.sha256:
        raise ModelError(f"The weights of model {card.id!r} are damaged or were swapped (their checksum differs from the card's): "
                         "install the model again.")
    try:
        network = build(card.preset, card.settings)
        network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    except Exception as problem:  # torch raises half a dozen kinds here
        raise ModelError(f"The weights of model {card.id!r} do not fit its card: install the model again.") from problem
    return network.eval().requires_grad_(False).to(memory_format=torch.channels_last)


def write(folder: Path, network: FusionNetwork, card: dict) -> None:
    """Weights and card of a model into an existing folder.

    Args:
        card: everything of a card but preset, settings and checksum, which come from the network; JSON-ready.
    """
    buffer = io.BytesIO()
    torch.save({name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}, buffer)
    (folder / WEIGHTS).write_bytes(buffer.getvalue())
    complete = card | describe(network) | {"sha256": hashlib.sha256(buffer.getvalue()).hexdigest()}
    (folder / CARD).write_text(json.dumps(complete, indent=1) + "\n", encoding="utf-8")
