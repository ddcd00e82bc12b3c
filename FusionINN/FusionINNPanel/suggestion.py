"""The buttons that have an outline suggested and saved, beside what somebody drew and never mistaken for it."""
from __future__ import annotations  # the names of mrml load their files when they are used, and not before

import importlib.util
from pathlib import Path

import qt
import slicer
from slicer.i18n import tr as _

from FusionINNLib import mrml
from FusionINNPanel.comparison import Comparison
from FusionINNPanel.dicom_database import fileOf, whyNoFiles
from FusionINNPanel.follow_up import alignmentOf
from FusionINNPanel.parameters import FusionINNParameterNode
from FusionINNPanel.state import PanelState


class SuggestionAction:
    """What the buttons do."""

    def __init__(self, state: PanelState, comparison: Comparison) -> None:
        self._state, self._comparison = state, comparison

    def suggest(self) -> None:
        """Have an outline suggested on the grid of the reference, and compared with what was drawn."""
        chosen = self._state.chosen
        self._state.start(lambda: mrml.suggestTask(
            slicer.mrmlScene, chosen.firstVolume, chosen.secondVolume, reference=chosen.reference.value, alignment=alignmentOf(chosen),
            device=chosen.device, drawn=chosen.segmentation), self._onSuggested)

    def _onSuggested(self, suggested: mrml.SuggestedNode) -> None:
        chosen = self._state.chosen
        earlier = chosen.suggestion
        with slicer.util.NodeModify(chosen):
            if chosen.segmentation is None or chosen.segmentation is chosen.suggestion:
                chosen.segmentation = suggested.node
            chosen.suggestion = suggested.node
        self._state.say(" ".join(sentences(suggested)))
        if self._comparison.isShown:
            self._comparison.update(chosen)
        if mrml.isSuggestion(earlier):  # it may have been edited: it stays, out of sight
            earlier.GetDisplayNode().SetVisibility(False)

    def save(self) -> None:
        """Write the suggestion as a DICOM Segmentation of the series on whose grid it lies."""
        node = self._state.chosen.suggestion
        path = qt.QFileDialog.getSaveFileName(slicer.util.mainWindow(), _("Save the suggested outline as DICOM Segmentation"),
                                              "SUGGESTED_outline.dcm", _("DICOM files (*.dcm)"))
        if path:
            path = path if path.lower().endswith(".dcm") else f"{path}.dcm"
            self._state.start(lambda: self._saving(node, Path(path)), self._onSaved, withModel=False)

    def _saving(self, node, path: Path) -> mrml.Task:
        labels, origin = mrml.suggestedOutline(node)
        return mrml.dicomOutlineTask(labels, origin, path, files=mrml.filesOf(mrml.referenceOf(node), fileOf))

    def _onSaved(self, path: Path) -> None:
        said = _("Saved: {name}. It names the patient and the study of its series, as every DICOM object does.")
        self._state.say(said.format(name=path.name))


def sentences(suggested: mrml.SuggestedNode) -> list[str]:
    """What the user is to know of a suggestion."""
    said = [_("SUGGESTED by a network, drawn by nobody: {volume:.1f} mL. Research use only. Edit it in Segment Editor; it keeps that word "
              "until you rename it.").format(volume=suggested.volume_ml)]
    agreement = suggested.agreement
    if agreement is not None and agreement.dice is not None:
        said.append(_("Dice with the drawn outline: {dice:.2f}.").format(dice=agreement.dice))
    return [*said, *suggested.warnings]


def whyNoDicom(parameters: FusionINNParameterNode) -> str:
    """Why the suggestion cannot be saved as a DICOM Segmentation, "" where it can."""
    node = parameters.suggestion
    if node is None:
        return _("Have an outline suggested first.")
    if not mrml.isSuggestion(node):
        return _("Somebody made this outline his own by another name: export it as Slicer exports segmentations.")
    if importlib.util.find_spec("highdicom") is None:
        return _("The package {name} is not installed: install it to write DICOM Segmentations.").format(name="highdicom")
    volume = mrml.referenceOf(node)
    if volume is None:
        return _("The volume that the outline was suggested on is no longer in the scene.")
    if not mrml.instancesOf(volume):
        said = _("{name} was not loaded from DICOM: there is no series that a DICOM Segmentation could refer to.")
        return said.format(name=volume.GetName())
    return whyNoFiles(volume)


def whyNoSuggestion(parameters: FusionINNParameterNode) -> str:
    """Why no outline can be suggested, "" where one can."""
    from FusionINNLib.outlining.records import missing_package

    package = missing_package()
    if package is not None:
        return _("The package {name} is not installed: install it to have outlines suggested.").format(name=package)
    if None in (parameters.firstVolume, parameters.secondVolume):
        return _("Choose T1 with contrast as the first volume and FLAIR as the second one.")
    return ""
