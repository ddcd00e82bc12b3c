"""Which trained models exist, and what their cards say; nothing is loaded here, see weights.py.

A model is a folder `Resources/Models/<id>/` with `card.json` (what `build` needs, data, split, seed, metrics, terms, checksum) and
`weights.pt` (a plain state dict). A path to such a folder may stand wherever an id may.
"""
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from FusionINNLib.errors import ModelError

DEFAULT = "default"
ARITHMETIC = 2  # raised whenever the same weights and settings come to fuse otherwise: what was fused before has another way back
CARD, WEIGHTS = "card.json", "weights.pt"


@dataclass(frozen=True)
class ModelCard:
    """What is known of a model without loading it."""

    id: str
    folder: Path
    preset: str
    settings: dict
    normalization: str  # "volume" or "slice", see preprocessing/normalization.py
    margin: int  # pixels of background kept around the head, see preprocessing/slicing.py
    sha256: str
    description: str
    typical_bright: float  # 99.9th percentile of its fused images inside the head, for files that lost their scale
    spread_scale: float  # root mean square error of its estimates over that of their spread, on training patients
    spread_scale_rounded: float  # the same for fused images that were stored in 8 bit

    @property
    def fingerprint(self) -> str:
        """Checksum of weights, settings, normalisation and arithmetic: what an exact way back depends on."""
        content = json.dumps([self.sha256, self.preset, self.settings, self.normalization, ARITHMETIC], sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()

    @property
    def cell(self) -> float:
        """Size of what fused image and latent exchange digits below, see methods/fusioninn/digits.py; 0 where they don't."""
        return self.settings.get("cell", 0.0)

    @property
    def multiple(self) -> int:
        """Sides of the image that passes through must be multiples of this."""
        return 4 if self.preset == "default" else 2


def model_folders() -> list[Path]:
    """Where models may lie: in an installed package or a packaged extension beside the library's files, in a checkout beside it."""
    library = Path(__file__).resolve().parents[1]
    return [folder for folder in (library / "Resources" / "Models", library.parent / "Resources" / "Models") if folder.is_dir()]


def available() -> list[str]:
    """Ids of the models that came with the program, the default one first."""
    ids = {path.parent.name for folder in model_folders() for path in folder.glob(f"*/{CARD}")}
    return sorted(ids, key=lambda name: (name != DEFAULT, name))


def find(model: str) -> ModelCard:
    """The card of a model by id or by path of its folder. Raises ModelError where there is none or its card cannot be read."""
    folders = [folder / model for folder in model_folders()] + [Path(model)]
    folder = next((folder for folder in folders if (folder / CARD).is_file()), None)
    if folder is None:
        raise ModelError(f"There is no model {model!r}: choose one of {', '.join(available()) or '(none installed)'}, "
                         "or the path of a model folder.")
    try:
        card = json.loads((folder / CARD).read_text(encoding="utf-8"))
        return ModelCard(card["id"], folder, card["preset"], card["settings"], card["normalization"], card["margin"], card["sha256"],
                         card["description"], card["typical_bright"], card["spread_scale"], card["spread_scale_rounded"])
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise ModelError(f"The card of model {model!r} is damaged ({type(problem).__name__}): install the model again.") from problem
