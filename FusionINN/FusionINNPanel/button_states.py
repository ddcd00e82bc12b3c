"""What can be clicked now, and why not: one place that knows, so that every disabled button says its reason in its tool tip."""
from dataclasses import dataclass

from slicer.i18n import tr as _

from FusionINNLib import mrml
from FusionINNLib.errors import FusionINNError
from FusionINNPanel.comparison import blinkedVolumes
from FusionINNPanel.parameters import FusionINNParameterNode, Method


@dataclass(frozen=True)
class ButtonState:
    """Whether a button can be clicked; `toolTip` says what it does, or why it cannot be clicked."""

    enabled: bool
    toolTip: str


def buttonStates(parameters: FusionINNParameterNode, ways, running: bool, lacking: str, hasViews: bool) -> dict[str, ButtonState]:
    """For each button by its name in the .ui file.

    Args:
        ways: `mrml.WaysBack` of the volume to decompose, None where there is none.
        lacking: what is not installed, in words; "" where nothing is.
        hasViews: whether Slicer has a main window.
    """
    busy = _("Wait until the computation is over, or cancel it.") if running else ""
    computing = busy or lacking
    noFused = "" if parameters.decomposedVolume else _("Choose a fused volume first.")
    noViews = "" if hasViews else _("Slicer runs without a main window: there are no views.")
    noSegmentation = "" if parameters.segmentation else _("Choose a segmentation first.")
    one, other = blinkedVolumes(parameters)
    noPair = "" if one and other and one is not other else _("There are no two volumes to blink between yet.")
    return {
        "fuseButton": _state(computing or _whyNotFuse(parameters), _("Fuse the two volumes into one image.")),
        "cancelButton": _state("" if running else _("Nothing is being computed."),
                               _("Stop the computation; nothing in the scene is changed.")),
        "decomposeButton": _state(computing or noFused or _whyNotDecompose(parameters, ways), _("Take the fused image apart again.")),
        "numbersButton": _state(computing or noFused or _whyNotNumbers(ways),
                                _("Compute fusion metrics, also inside the segmentation and around it, as a table.")),
        "exportButton": _state(computing or noFused or _whyNotExport(ways),
                               _("Write fused, latent and decomposed images, segmentation and provenance as NIfTI and JSON.")),
        "loadResultButton": _state(computing, _("Load a folder that Export or the command line wrote.")),
        "sampleButton": _state(busy, _("Make a sample case (ADC, FLAIR and segmentation of a head made by code) and choose it.")),
        "layoutButton": _state(noViews, _("Inputs and fused image above, decomposed images and difference below; all views linked.")),
        "jumpButton": _state(noViews or noSegmentation, _("Move all views to the middle of the segmentation.")),
        "blinkButton": _state(noViews or noPair, _("Switch the fused view to and fro between the two volumes.")),
        "installButton": _state(busy or ("" if lacking else _("Nothing is missing.")),
                                _("Install what is missing, after asking. Nothing is installed without your click.")),
    }


def _state(whyNot: str, does: str) -> ButtonState:
    return ButtonState(not whyNot, whyNot or does)


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


def _whyNotExport(ways) -> str:
    """A result folder is one that gives the scans back."""
    return "" if ways is None or ways.exact else ways.exactReason


def _whyNotNumbers(ways) -> str:
    if ways is not None and ways.exact:
        return ""
    return _("The numbers compare the fused image with its sources, which need the latent image.")
