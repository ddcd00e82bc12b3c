"""The terms of the trained weights: shown and agreed to once for each wording, remembered in the application's settings."""
import hashlib
from pathlib import Path

import qt
import slicer
from slicer.i18n import tr as _

SETTING = "FusionINN/AgreedTerms"
FILE = "MODEL_LICENSE"


def text() -> str:
    """The terms as they come with the models."""
    from FusionINNLib.methods.model_card import model_folders

    for folder in model_folders():
        for place in (folder / FILE, folder.parents[1] / FILE):  # in a package beside the models, in a checkout at its root
            if place.is_file():
                return place.read_text(encoding="utf-8")
    raise FileNotFoundError(_("The terms of the models ({file}) are missing: install FusionINN again.").format(file=FILE))


def areAgreedTo() -> bool:
    """Whether the user has agreed to these very words."""
    return qt.QSettings().value(SETTING, "") == _checksum()


def agree() -> None:
    """Remember that the user did."""
    qt.QSettings().setValue(SETTING, _checksum())


def ask() -> bool:
    """Show the terms unless they were agreed to; whether they are now."""
    if areAgreedTo():
        return True
    agreed = slicer.util.confirmOkCancelDisplay(
        _("The trained network may be used for non-commercial research only, not for diagnosis or any other clinical use. "
          "Its full terms are under Details.\n\nDo you agree to them?"),
        windowTitle=_("FusionINN: terms of the model"), detailedText=text())
    if agreed:
        agree()
    return bool(agreed)


def folderOfModels() -> Path:
    """Where the weights lie, for the button that shows them."""
    from FusionINNLib.methods.model_card import model_folders

    return model_folders()[0]


def _checksum() -> str:
    return hashlib.sha256(text().encode()).hexdigest()
