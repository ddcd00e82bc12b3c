"""The made-up sample case in the scene, and in Slicer's module Sample Data."""
from __future__ import annotations  # the names of mrml load their files when they are used, and not before

import os
from pathlib import Path

import slicer
from slicer.i18n import tr as _

from FusionINNLib import mrml

CATEGORY, NAME = "FusionINN", "FusionINNSampleCase"


def sampleTask() -> mrml.Task:
    """Make ADC, FLAIR and segmentation by code, nothing is downloaded; gives the three nodes."""
    return mrml.sampleTask(lambda made: _store(*made))


def loadSample() -> tuple:
    """Make the case here and now."""
    return sampleTask().run()


def registerSampleData() -> None:
    """Add the case to the module Sample Data."""
    import SampleData

    icon = os.path.join(Path(__file__).resolve().parents[1], "Resources", "Icons", f"{NAME}.png")
    SampleData.SampleDataLogic.registerCustomSampleDataCategory(CATEGORY, title=_("FusionINN"))
    # No addresses: the case is made by code, so that it works offline and holds nobody's data.
    SampleData.SampleDataLogic.registerCustomSampleDataSource(
        category=CATEGORY, sampleName=NAME, uris=[], fileNames=[], nodeNames=[], checksums=[], loadFiles=[], thumbnailFileName=icon,
        customDownloader=_download)


def _download(source) -> tuple:
    """What Sample Data calls, with its description of the source. Looked up each time: after a Reload of the module it is the new code."""
    from FusionINNPanel import sample

    nodes = sample.loadSample()
    mrml.showInSliceViews(slicer.app.applicationLogic(), nodes[1])
    return nodes


def _store(first, second, segmentation, labels: dict[int, str]) -> tuple:
    from FusionINNLib.results.segments import SAMPLE_COLORS

    scene = slicer.mrmlScene
    nodes = []
    for volume, name, window in ((first, _("ADC (sample)"), (0, 3000)), (second, _("FLAIR (sample)"), (0, 900))):
        node = mrml.addVolumeNode(scene, name)
        mrml.updateVolumeNode(node, volume)
        mrml.setWindow(node, *window)
        nodes.append(node)
    segments = tuple(mrml.Segment(name.replace(" ", "_"), name, SAMPLE_COLORS[label], label) for label, name in labels.items())
    outlines = mrml.segmentationFromLabels(scene, mrml.Segments(segmentation, segments), _("Tumor (sample)"))
    outlines.SetReferenceImageGeometryParameterFromVolumeNode(nodes[1])
    return (*nodes, outlines)
