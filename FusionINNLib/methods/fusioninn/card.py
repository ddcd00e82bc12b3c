"""What the card of a FusionINN model says besides, and the fingerprint that an exact way back depends on."""
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from FusionINNLib.methods import model_card
from FusionINNLib.methods.model_card import ModelCard

ARITHMETIC = 2  # raised whenever the same weights and settings come to fuse otherwise: what was fused before has another way back


@dataclass(frozen=True)
class FusionINNCard:
    """The card of a FusionINN model; `architecture` and `settings` are what `networks.build` takes."""

    id: str
    folder: Path
    architecture: str  # on disk `preset`
    settings: dict
    normalization: str  # "volume" or "slice", see preprocessing/normalization.py
    margin: int  # pixels of background kept around the head, see methods/boxes.py
    sha256: str
    description: str
    typical_bright: float  # 99.9th percentile of its fused images inside the head, for files that lost their scale
    spread_scale: float  # root mean square error of its estimates over that of their spread, on training patients
    spread_scale_rounded: float  # the same for fused images that were stored in 8 bit

    @property
    def fingerprint(self) -> str:
        """Checksum of weights, settings, normalisation and arithmetic: what an exact way back depends on."""
        content = json.dumps([self.sha256, self.architecture, self.settings, self.normalization, ARITHMETIC], sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()

    @property
    def cell(self) -> float:
        """Size of what fused image and latent exchange digits below, see digits.py; 0 where they don't."""
        return self.settings.get("cell", 0.0)

    @property
    def multiple(self) -> int:
        """Sides of the image that passes through must be multiples of this."""
        return 4 if self.architecture == "default" else 2


def typed(card: ModelCard) -> FusionINNCard:
    """The card with its own fields. Raises ModelError where one is missing or cannot be."""
    data = card.data
    try:
        _check(data)
        return FusionINNCard(card.id, card.folder, data["preset"], data["settings"], data["normalization"], data["margin"], card.sha256,
                             card.description, data["typical_bright"], data["spread_scale"], data["spread_scale_rounded"])
    except (KeyError, TypeError, ValueError, OverflowError) as problem:
        raise model_card.damaged(card.id, problem) from problem


def _check(data: dict) -> None:
    """Raise ValueError for what a card cannot say."""
    margin, scales = data["margin"], [data[name] for name in ("typical_bright", "spread_scale", "spread_scale_rounded")]
    if not isinstance(data["settings"], dict) or not isinstance(data["preset"], str) or data["normalization"] not in ("volume", "slice"):
        raise ValueError("settings")
    cell = data["settings"].get("cell", 0.0)
    if isinstance(cell, bool) or not isinstance(cell, (int, float)) or not 0 <= cell <= 1:
        raise ValueError("cell")
    if type(margin) is not int or not 0 <= margin < 10_000:
        raise ValueError("margin")
    if any(isinstance(scale, bool) or not isinstance(scale, (int, float)) or not 0 < scale < 1e6 for scale in scales):
        raise ValueError("scales")


def find(model: str) -> FusionINNCard:
    """As `model_card.find`, of a FusionINN model."""
    return typed(model_card.find(model))
