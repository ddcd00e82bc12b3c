"""The model that suggests outlines: a model folder (`methods/model_card.py`) whose card names the method `outlines`.

    network       what the network is built from, see `networks.build`
    rule          how its logits become probabilities and an outline, see `outline.Rule`
    trained_on    the two contrasts, by name, in this order
"""
from dataclasses import dataclass

from torch import nn

from FusionINNLib.errors import ModelError
from FusionINNLib.methods import model_card, weights
from FusionINNLib.methods.model_card import ModelCard
from FusionINNLib.outlining.networks import build, slices_of
from FusionINNLib.outlining.outline import Rule

METHOD = "outlines"
DEFAULT_MODEL = "outlines"


@dataclass(frozen=True)
class OutlineModel:
    """A network ready to use, on the CPU. slices: neighbours that it takes of each modality."""

    card: ModelCard
    network: nn.Module
    slices: int
    rule: Rule


def load(model: str | None = None) -> OutlineModel:
    """A model by id or path of its folder, the shipped one for None.

    Raises ModelError where there is none, it is damaged, or belongs to a fusion method.
    """
    card = model_card.find(model or DEFAULT_MODEL)
    if card.method != METHOD:
        raise ModelError(f"The model {card.id!r} fuses images and suggests no outlines: leave it out, or name a model of {METHOD}.")
    state = weights.read(card.folder, card.id, card.sha256)
    try:
        network, rule = build(card.data["network"]), Rule(**card.data["rule"])
        network.load_state_dict({name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in state.items()})
    except (KeyError, TypeError, ValueError, RuntimeError) as problem:
        raise weights.misfit(card.id) from problem
    return OutlineModel(card, network.eval().requires_grad_(False), slices_of(card.data["network"]), rule)
