"""What `speed/bench.py` compares: the released network under FrEIA in its own way, and this program's two presets on the same slices.

All take the stored numbers of first and second source, (2, K, J, I), and write fused image and latent into a float32 array of that size.
Normalisation is prepared in advance. The reference gets normalised tensors, the program normalises as it goes, as it does in `fuse`.
"""
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from FusionINNLib.methods import model_card
from FusionINNLib.methods.fusioninn import model_folder
from FusionINNLib.methods.fusioninn.card import FusionINNCard
from FusionINNLib.methods.fusioninn.card import find as find_card
from FusionINNLib.methods.fusioninn.forward import fuse_slices
from FusionINNLib.methods.fusioninn.inference import Engine
from FusionINNLib.methods.fusioninn.networks import default_network, describe, paper_network
from FusionINNLib.methods.fusioninn.released_checkpoint import PAPER_MARGIN, from_freia
from FusionINNLib.preprocessing.normalization import Normalization, fit_slice, fit_volume
from FusionINNLib.progress import Progress
from FusionINNLib.results.recipe import SourceRecord
from training.speed.reference import freia_network

NAMES = ("reference", "paper", "default")


def normalizations(pair: np.ndarray, kind: str) -> list[list[Normalization]]:
    """For each source the map of each slice. kind: "slice" or "volume", as on a model's card."""
    return [[fit_slice(part) for part in stack] if kind == "slice" else [fit_volume(stack)] * len(stack) for stack in pair]


def worker(name: str, pair: np.ndarray, results: np.ndarray, batch: int = 1) -> Callable[[], None]:
    """A function that fuses the whole stack.

    name: reference, paper (with the reference's weights) or default (the installed model, or its size untrained where none is).
    batch: of the reference. The program chooses its own.
    """
    if name == "reference":
        return _reference(pair, results, batch)
    network, card = _paper() if name == "paper" else _default()
    frozen = network.eval().requires_grad_(False)
    ready = frozen.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue] - PyTorch's types leave this form out
    engine = Engine(ready, torch.device("cpu"))
    one, other = (SourceRecord("", pair.dtype.name, 1.0, 0.0, False, tuple(maps)) for maps in normalizations(pair, card.normalization))

    def work() -> None:
        fuse_slices(engine, card, (pair[0], pair[1]), (one, other), (results[0], results[1]), Progress())

    return work


def _reference(pair: np.ndarray, results: np.ndarray, batch: int) -> Callable[[], None]:
    """Whole slices, contiguous tensors, no gradients."""
    network = freia_network()
    ready = np.stack([[one.apply(part) for one, part in zip(maps, stack)] for maps, stack in zip(normalizations(pair, "slice"), pair)], 1)
    batches = [torch.from_numpy(np.ascontiguousarray(ready[k:k + batch])) for k in range(0, len(ready), batch)]

    def work() -> None:
        k = 0
        with torch.no_grad():
            for sources in batches:
                (fused, latent), _ = network(sources)
                results[0, k:k + len(sources)], results[1, k:k + len(sources)] = fused[:, 0].numpy(), latent[:, 0].numpy()
                k += len(sources)

    return work


def _paper():
    network = paper_network()
    network.load_state_dict(from_freia(freia_network().state_dict()))
    return network, _card(network, "slice", PAPER_MARGIN)


def _default():
    if model_card.DEFAULT in model_card.available():
        card = find_card(model_card.DEFAULT)
        return model_folder.load(card), card
    network = default_network()
    return network, _card(network, "volume", 8)


def _card(network, normalization: str, margin: int) -> FusionINNCard:
    made_from = describe(network)
    return FusionINNCard("bench", Path(), made_from["preset"], made_from["settings"], normalization, margin, "", "", 1.0, 1.0, 1.0)
