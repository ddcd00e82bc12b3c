"""Models in folders of the user's: the scene names one by its id and the checksum of its weights, this computer's settings know where it
lies. So a scene holds nobody's folders, and finds its model on every computer that has it."""
from pathlib import Path

import qt
from slicer.i18n import tr as _

from FusionINNLib.errors import ModelError

SETTING = "FusionINN/ModelFolders/"


def remember(folder: str) -> str:
    """Keep in mind where a model lies; gives what the parameter `model` is to be. Raises ModelError where there is none in the folder."""
    from FusionINNLib.methods import model_card

    card = model_card.find(folder)
    qt.QSettings().setValue(SETTING + card.sha256, str(Path(folder).resolve()))
    return f"{card.id}:{card.sha256}"


def find(model: str) -> str:
    """What the library calls the model that the parameter `model` names: an id or a folder. Raises ModelError where it is not here."""
    from FusionINNLib.methods import model_card

    name, checksum = _parts(model)
    if not checksum:
        return model
    folder = folderOf(model)
    if folder is not None and model_card.find(folder).sha256 == checksum:
        return folder
    raise ModelError(_("The model {name} (weights {checksum}) is not on this computer, or its folder has been moved: choose its folder, or "
                       "another model, under Advanced.").format(name=name, checksum=checksum[:8]))


def folderOf(model: str) -> str | None:
    """The folder of the user's that the parameter `model` names; None where it names none or the folder is not here."""
    checksum = _parts(model)[1]
    folder = qt.QSettings().value(SETTING + checksum, "") if checksum else ""
    return folder if folder and Path(folder).is_dir() else None


def isFolder(model: str) -> bool:
    """Whether the parameter names a model of the user's, and none that comes with FusionINN."""
    return bool(_parts(model)[1])


def label(model: str) -> str:
    """What the list of models calls it."""
    name, checksum = _parts(model)
    return f"{name} ({checksum[:8]})" if checksum else model


def _parts(model: str) -> tuple[str, str]:
    """(id, checksum), the latter "" for a model that comes with FusionINN."""
    name, colon, checksum = model.rpartition(":")
    isChecksum = colon and len(checksum) == 64 and all(letter in "0123456789abcdef" for letter in checksum)
    return (name, checksum) if isChecksum else (model, "")
