"""Small untrained networks as model folders, for the tests of suggested outlines."""
from pathlib import Path

import torch
from torch import nn

from FusionINNLib.methods import weights
from FusionINNLib.outlining.networks import build

SETTINGS = {"architecture": "csad", "unit": 4, "slices": 3, "skips": True}


def write_loud_model(folder: Path) -> str:
    """One that marks about half of what it sees."""
    torch.manual_seed(0)
    network = build(SETTINGS).eval()
    pair = torch.randn(2, 3, 96, 96), torch.randn(2, 3, 96, 96)
    with torch.no_grad():
        logits = network(*pair).logits
        network.out.weight /= logits.std()
        network.out.bias.copy_((network.out.bias - logits.median()) / logits.std())
    return write_model(folder, network)


def write_silent_model(folder: Path) -> str:
    """One that finds nothing."""
    network = build(SETTINGS)
    nn.init.constant_(network.out.weight, 0)
    nn.init.constant_(network.out.bias, -20)
    return write_model(folder, network)


def write_model(folder: Path, network: nn.Module) -> str:
    """Path of the model folder."""
    folder.mkdir()
    card = {"id": folder.name, "method": "outlines", "description": "for tests", "network": SETTINGS, "rule": {}}
    weights.write(folder, network.half().state_dict(), card)
    return str(folder)
