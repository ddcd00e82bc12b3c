"""The made-up sample case in the scene, and in Slicer's module Sample Data."""
import os
from pathlib import Path

import slicer
from slicer.i18n import tr as _

from FusionINNPanel.tasks import Task

CATEGORY, NAME = "FusionINN", "FusionINNSampleCase"


def sampleTask() -> Task:
    """Make ADC, FLAIR and segmentation by code, nothing is downloaded; gives the three nodes."""
    return Task("sample", {}, lambda volumes: _store(*volumes))


def loadSample(source=None) -> tuple:
    """Make the case here and now; what Sample Data calls, with its description of the source."""
    return sampleTask().run()


def registerSampleData() -> None:
    """Add the case to the module Sample Data."""
    import SampleData

    icon = os.path.join(Path(__file__).resolve().parents[1], "Resources", "Icons", f"{NAME}.png")
    SampleData.SampleDataLogic.registerCustomSampleDataCategory(CATEGORY, title=_("FusionINN"))
    # No addresses: the case is made by code, so that it works offline and holds nobody's data.
    SampleData.SampleDataLogic.registerCustomSampleDataSource(
        category=CATEGORY, sampleName=NAME, uris=[], fileNames=[], nodeNames=[], checksums=[], loadFiles=[], thumbnailFileName=icon,
        customDownloader=loadSample)


def _store(first, second, segmentation, labels: dict[int, str]) -> tuple:
    from FusionINNLib import mrml

    scene = slicer.mrmlScene
    nodes = []
    for volume, name, window in ((first, _("ADC (sample)"), (0, 3000)), (second, _("FLAIR (sample)"), (0, 900))):
        node = mrml.addVolumeNode(scene, name)
        mrml.updateVolumeNode(node, volume)
        mrml.setWindow(node, *window)
        nodes.append(node)
    colors = {1: (0.9, 0.1, 0.1), 2: (1.0, 0.7, 0.2), 4: (0.9, 0.3, 0.8)}
    segments = tuple(mrml.Segment(name.replace(" ", "_"), name, colors[label], label) for label, name in labels.items())
    outlines = mrml.segmentationFromLabels(scene, mrml.Segments(segmentation, segments), _("Tumor (sample)"))
    outlines.SetReferenceImageGeometryParameterFromVolumeNode(nodes[1])
    return (*nodes, outlines)
