"""What can be clicked now, and why not: one place that knows, so that every disabled button says its reason in its tool tip."""
from dataclasses import dataclass

from slicer.i18n import tr as _

from FusionINNLib import mrml
from FusionINNLib.errors import FusionINNError
from FusionINNPanel import model_folders
from FusionINNPanel.comparison import blinkedVolumes
from FusionINNPanel.dicom_database import whyNoFiles
from FusionINNPanel.follow_up import whyNoChange
from FusionINNPanel.interval import whyNoInterval
from FusionINNPanel.messages import whyNotUsable
from FusionINNPanel.parameters import FusionINNParameterNode, Method
from FusionINNPanel.suggestion import whyNoDicom, whyNoSuggestion


@dataclass(frozen=True)
class ButtonState:
    """Whether a button can be clicked; `toolTip` says what it does, or why it cannot be clicked."""

    enabled: bool
    toolTip: str


class Lacks:
    """What is not installed, in words; "" where nothing is that is needed. missing: `requirements.Requirement`s."""

    def __init__(self, missing: list) -> None:
        self._missing = missing

    def forAll(self) -> str:
        """For everything."""
        return "\n".join(requirement.state for requirement in self._missing)

    def withoutNetwork(self) -> str:
        """For what needs no network."""
        return "\n".join(requirement.state for requirement in self._missing if requirement.name != "PyTorch")

    def forMethod(self, name: str, model: str) -> str:
        """For fusing by a method. model: as the parameter of that name has it."""
        from FusionINNLib.methods import registry

        if name not in registry.names():
            return _("There is no fusion method {name} here: choose another one.").format(name=name)
        row = registry.info(name)
        packages = self.forAll() if "torch" in row.requires else self.withoutNetwork()
        return packages or whyNotUsable(row, registry.state(name, model_folders.folderOf(model)))


def buttonStates(parameters: FusionINNParameterNode, ways, running: bool, lacking: Lacks, hasViews: bool) -> dict[str, ButtonState]:
    """For each button by its name in the .ui file.

    Args:
        ways: `mrml.WaysBack` of the volume to decompose, None where there is none.
        lacking: what is not installed.
        hasViews: whether Slicer has a main window.
    """
    busy = _("Wait until the computation is over, or cancel it.") if running else ""
    computing = busy or lacking.forAll()
    ofFused = busy or (lacking.withoutNetwork() if ways is not None and ways.onlyFuses else lacking.forAll())
    fusing = busy or lacking.forMethod(parameters.fusionMethod, parameters.model)
    noFused = "" if parameters.decomposedVolume else _("Choose a fused volume first.")
    noViews = "" if hasViews else _("Slicer runs without a main window: there are no views.")
    noSegmentation = "" if parameters.segmentation else _("Choose a segmentation first.")
    notShown = "" if parameters.comparisonShown else _("Show the comparison first.")
    one, other = blinkedVolumes(parameters)
    noPair = "" if one and other and one is not other else _("There are no two volumes to blink between yet.")
    return {
        "fuseButton": _state(fusing or _whyNotFuse(parameters), _("Fuse the two volumes into one image.")),
        "suggestButton": _state(computing or whyNoSuggestion(parameters),
                                _("Have an outline of a glioma suggested, from T1 with contrast (first) and FLAIR (second). Nobody drew "
                                  "it: it is called SUGGESTED and is to be edited. Research use only.")),
        "suggestDicomButton": _state(busy or whyNoDicom(parameters),
                                     _("Save the suggested outline as a DICOM Segmentation of the series on whose grid it lies. It names "
                                       "its patient.")),
        "cancelButton": _state("" if running else _("Nothing is being computed."),
                               _("Stop the computation; nothing in the scene is changed.")),
        "decomposeButton": _state(computing or noFused or _whyNotDecompose(parameters, ways), _("Take the fused image apart again.")),
        "changeButton": _state(noViews or ofFused or whyNoChange(parameters),
                               _("Later minus earlier time point, over the later one; orange is brighter now, blue is darker.")),
        "intervalCheckBox": _state(noViews or whyNoInterval(parameters),
                                   _("Half the width of the 90 % interval (1.645 standard deviations, by the estimate's own account) over "
                                     "each estimated source; clear is narrow, yellow is wide, the legend says how much.")),
        "numbersButton": _state(ofFused or noFused or _whyNotNumbers(parameters, ways),
                                _("Compute fusion metrics, also inside the segmentation and around it, as a table.")),
        "segmentNumbersButton": _state(ofFused or noFused or noSegmentation or _whyNotNumbers(parameters, ways),
                                       _("Mean, spread and histogram of both sources and the fused image inside each segment.")),
        "copyButton": _state("" if parameters.segmentNumbers or parameters.numbers else _("Compute numbers first."),
                             _("Copy the numbers to the clipboard, those inside segments first, as comma separated values.")),
        "pictureButton": _state(noViews or notShown, _("Save the views as a picture twice as large; estimates are marked in it.")),
        "windowsButton": _state(noViews or notShown, _("Window and level of all views as they were when they were shown first.")),
        "exportButton": _state(ofFused or noFused or _whyNotExport(parameters, ways),
                               _("Write fused, latent and decomposed images, segmentation and provenance as NIfTI and JSON.")),
        "exportDicomButton": _state(ofFused or noFused or _whyNotExport(parameters, ways),
                                    _("Write fused and decomposed images as DICOM series, without the latent image, and without anything "
                                      "of the patient unless that is ticked.")),
        "patientCheckBox": _state(ofFused or noFused or _whyNotExport(parameters, ways) or _whyNobody(parameters),
                                  _("The next DICOM series name the patient and the study of the source. Otherwise they name nobody.")),
        "loadResultButton": _state(busy or lacking.withoutNetwork(), _("Load a folder that Export or the command line wrote.")),
        "sampleButton": _state(busy, _("Make a sample case (ADC, FLAIR and segmentation of a head made by code) and choose it.")),
        "layoutButton": _state(noViews, _("Inputs and fused image above, decomposed images and difference below; all views linked.")),
        "jumpButton": _state(noViews or noSegmentation, _("Move all views to the middle of the segmentation.")),
        "blinkButton": _state(noViews or noPair, _("Switch the fused view to and fro between the two volumes.")),
        "installButton": _state(busy or ("" if lacking.forAll() else _("Nothing is missing.")),
                                _("Install what is missing, after asking. Nothing is installed without your click.")),
    }


def _state(whyNot: str, does: str) -> ButtonState:
    return ButtonState(not whyNot, whyNot or does)


def _whyNobody(parameters: FusionINNParameterNode) -> str:
    """Why no patient can be named, "" where one can."""
    try:
        return whyNoFiles(mrml.patientSource(parameters.decomposedVolume))
    except FusionINNError as problem:
        return str(problem)


def _whyNotFuse(parameters: FusionINNParameterNode) -> str:
    try:
        mrml.checkFusion(parameters.firstVolume, parameters.secondVolume, parameters.fusedVolume, parameters.latentVolume)
    except FusionINNError as problem:
        return str(problem)
    return ""


def _whyNotDecompose(parameters: FusionINNParameterNode, ways) -> str:
    if ways is None:
        return _("Choose a fused volume first.")
    if parameters.method is Method.EXACT:
        return "" if ways.exact else ways.exactReason
    return "" if ways.estimate else ways.estimateReason


def _whyNotExport(parameters: FusionINNParameterNode, ways) -> str:
    """A result folder is one that gives the scans back, or holds all that there is of a method that only fuses."""
    if ways is None or ways.exact or ways.onlyFuses:
        return _sourcesAreGone(parameters) if ways is not None and ways.onlyFuses else ""
    return ways.exactReason


def _whyNotNumbers(parameters: FusionINNParameterNode, ways) -> str:
    if ways is not None and ways.onlyFuses:
        return _sourcesAreGone(parameters)
    if ways is not None and ways.exact:
        return ""
    return _("The numbers compare the fused image with its sources, which need the latent image.")


def _sourcesAreGone(parameters: FusionINNParameterNode) -> str:
    """What a fused image without a way back needs its inputs for."""
    if None not in mrml.inputsOf(parameters.decomposedVolume):
        return ""
    return _("The two volumes that were fused are not in the scene, and this fused image does not give them back.")
