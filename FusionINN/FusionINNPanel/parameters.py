"""What the user chooses: kept in the scene, so that saving and reopening brings it back."""
import enum
from typing import Annotated

import slicer
from slicer import vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode, vtkMRMLTableNode
from slicer.i18n import tr as _
from slicer.parameterNodeWrapper import Choice, WithinRange, parameterNodeWrapper

from FusionINNLib import mrml
from FusionINNLib.results.estimate_images import ESTIMATE_IMAGES, EXACT_IMAGES


class Method(enum.Enum):
    """The two ways back."""

    EXACT = "exact"
    ESTIMATED = "estimated"

    def label(self) -> str:
        return {"EXACT": _("Exact: with the saved latent image"), "ESTIMATED": _("Estimated: from the fused image alone")}[self.name]


class Reference(enum.Enum):
    """Whose grid the results have."""

    FIRST = "first"
    SECOND = "second"

    def label(self) -> str:
        return {"FIRST": _("First volume"), "SECOND": _("Second volume")}[self.name]


class Alignment(enum.Enum):
    """How volumes on unlike grids come together, see FusionINNLib/registration/alignment.py."""

    AUTO = "auto"
    RIGID = "rigid"
    HEADER = "header"
    NONE = "none"

    def label(self) -> str:
        return {"AUTO": _("Automatic"), "RIGID": _("Rigid registration"),
                "HEADER": _("By the headers alone"), "NONE": _("None: same grid required")}[self.name]


class Blinked(enum.Enum):
    """The two volumes that the fused view switches between; values are names of views."""

    INPUTS = ("first", "second")
    FIRST_FUSED = ("first", "fused")
    SECOND_FUSED = ("second", "fused")
    FIRST_DECOMPOSED = ("first", "decomposedFirst")
    SECOND_DECOMPOSED = ("second", "decomposedSecond")

    def label(self) -> str:
        return {"INPUTS": _("First and second"), "FIRST_FUSED": _("First and fused"), "SECOND_FUSED": _("Second and fused"),
                "FIRST_DECOMPOSED": _("First and first decomposed"), "SECOND_DECOMPOSED": _("Second and second decomposed")}[self.name]


class Arrangement(enum.Enum):
    """What the comparison consists of."""

    VIEWS = "views"
    WITH_3D = "3d"
    LIGHTBOX = "lightbox"
    HISTOGRAMS = "histograms"

    def label(self) -> str:
        return {"VIEWS": _("Six views"), "WITH_3D": _("Six views and 3-D"), "LIGHTBOX": _("Lightbox"),
                "HISTOGRAMS": _("Histograms of segments")}[self.name]


@parameterNodeWrapper
class FusionINNParameterNode:
    """All parameters of the module.

    firstVolume, secondVolume, segmentation, reference - inputs of Fuse.
    fusionMethod - name of the fusion method, see FusionINNLib/methods/registry.py (`method` is how a fused image is taken apart).
    methodSettings - NAME=VALUE words, those settings of it that are not to be as it has them.
    fusedVolume, latentVolume - outputs of Fuse; none stands for new ones.
    decomposedVolume, method - what is taken apart, and how.
    firstExact ... cycleError, difference, change, numbers, segmentNumbers - outputs of decompositions of the volume `outputsOf`; for
    another one new ones are made.
    shown - the way back that the comparison shows below: "exact", "estimated" or "" for none.
    differenceOf, opacity, showWhenDone, blinked, arrangement, changeShown, intervalShown, comparisonShown - the comparison; the last: is it
    on screen.
    alignment, device, model, samples, seed - advanced. The seed is that of estimates, and of Fuse by a method that draws random numbers.
    Device and model are words of FusionINNLib, as their choices depend on the machine; a model of the user's is named as model_folders.py
    says.
    """

    firstVolume: vtkMRMLScalarVolumeNode
    secondVolume: vtkMRMLScalarVolumeNode
    segmentation: vtkMRMLSegmentationNode
    suggestion: vtkMRMLSegmentationNode
    reference: Reference = Reference.SECOND
    fusionMethod: str = "fusioninn"
    methodSettings: str = ""
    fusedVolume: vtkMRMLScalarVolumeNode
    latentVolume: vtkMRMLScalarVolumeNode

    decomposedVolume: vtkMRMLScalarVolumeNode
    method: Method = Method.EXACT
    outputsOf: vtkMRMLScalarVolumeNode
    firstExact: vtkMRMLScalarVolumeNode
    secondExact: vtkMRMLScalarVolumeNode
    firstEstimated: vtkMRMLScalarVolumeNode
    secondEstimated: vtkMRMLScalarVolumeNode
    firstSpread: vtkMRMLScalarVolumeNode
    secondSpread: vtkMRMLScalarVolumeNode
    cycleError: vtkMRMLScalarVolumeNode
    difference: vtkMRMLScalarVolumeNode
    change: vtkMRMLScalarVolumeNode
    numbers: vtkMRMLTableNode
    segmentNumbers: vtkMRMLTableNode
    shown: Annotated[str, Choice(["", "exact", "estimated"])] = ""

    differenceOf: Reference = Reference.SECOND

    opacity: Annotated[float, WithinRange(0, 1)] = 1.0
    showWhenDone: bool = True
    comparisonShown: bool = False
    changeShown: bool = False
    intervalShown: bool = False
    blinked: Blinked = Blinked.INPUTS
    arrangement: Arrangement = Arrangement.VIEWS

    alignment: Alignment = Alignment.AUTO
    device: str = "auto"
    model: str = "default"
    samples: Annotated[int, WithinRange(2, 64)] = 8
    seed: Annotated[int, WithinRange(0, 999999)] = 0


EXACT_OUTPUTS = tuple(image.parameter for image in EXACT_IMAGES)
ESTIMATE_OUTPUTS = tuple(image.parameter for image in ESTIMATE_IMAGES)
OUTPUTS_OF_DECOMPOSITION = (*EXACT_OUTPUTS, *ESTIMATE_OUTPUTS, "difference", "change", "numbers", "segmentNumbers")


def forgetOutputs(parameters: FusionINNParameterNode) -> None:
    """The next decomposition makes new nodes."""
    with slicer.util.NodeModify(parameters):
        for name in OUTPUTS_OF_DECOMPOSITION:
            setattr(parameters, name, None)
        parameters.shown = ""


_PARAMETERS = {image.node_field: image.parameter for image in EXACT_IMAGES + ESTIMATE_IMAGES}


def parametersOf(loaded: "mrml.Loaded") -> dict:
    """What else a result folder held, by the names of the parameters."""
    return {_PARAMETERS.get(name, name): node for name, node in loaded.others.items()}
