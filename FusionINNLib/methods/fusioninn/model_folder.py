"""A FusionINN network from its model folder, and into one."""
from pathlib import Path

import torch

from FusionINNLib.methods import weights
from FusionINNLib.methods.fusioninn.card import FusionINNCard
from FusionINNLib.methods.fusioninn.networks import FusionNetwork, build, describe


def load(card: FusionINNCard) -> FusionNetwork:
    """The network of a card on the CPU, ready to use. Raises ModelError where weights are missing, damaged or not those of the card."""
    state = weights.read(card.folder, card.id, card.sha256)
    try:
        network = build(card.architecture, card.settings)
        network.load_state_dict(state)
    except Exception as problem:  # torch raises half a dozen kinds here
        raise weights.misfit(card.id) from problem
    frozen = network.eval().requires_grad_(False)
    return frozen.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue] - PyTorch's types leave this form out


def write(folder: Path, network: FusionNetwork, card: dict) -> None:
    """Weights and card of a model into an existing folder.

    Args:
        card: everything of a card but preset, settings and checksum, which come from the network; JSON-ready.
    """
    weights.write(folder, network.state_dict(), card | describe(network))
