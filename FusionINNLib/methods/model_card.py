"""Which trained models exist, and what their cards say; nothing is loaded here, see weights.py.

A model is a folder `Resources/Models/<id>/` with `card.json` (method, what its network is built from, data, split, seed, metrics, terms,
checksum) and `weights.pt` (a plain state dict). A path to such a folder may stand wherever an id may.
"""
from dataclasses import dataclass, field
from pathlib import Path

from FusionINNLib.errors import ModelError
from FusionINNLib.json_text import parsed

DEFAULT = "default"
CARD, WEIGHTS = "card.json", "weights.pt"


@dataclass(frozen=True)
class ModelCard:
    """What is known of a model without loading it.

    method: name of the method that it is for, see registry.py. sha256: of its weights. data: all of the card; a method reads its own keys.
    """

    id: str
    folder: Path
    method: str
    sha256: str
    description: str
    data: dict = field(repr=False)


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
        card = parsed((folder / CARD).read_text(encoding="utf-8"))
        # Cards were written before there was more than one method.
        return ModelCard(card["id"], folder, card.get("method", "fusioninn"), card["sha256"], card["description"], card)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as problem:
        raise damaged(model, problem) from problem


def damaged(model: str, problem: Exception) -> ModelError:
    """What is said of a card that lacks something or cannot be read."""
    return ModelError(f"The card of model {model!r} is damaged ({type(problem).__name__}): install the model again.")
