"""FusionINN and the MRML scene: nodes to volumes and results to nodes. The scene and the logics are given; nothing here asks `slicer.app`.

This is the list of what the Slicer module uses; what each does is said where it is made, in `mrml_*.py`. These files are the only ones of
the library that import slicer and vtk. MRML belongs to the main thread. What takes long, `evaluation/case_metrics.py` and
`results/scene_folder.py`, knows no MRML
and runs in a worker, as `pipeline.py` does. Arrays are (k, j, i), affines IJK-to-RAS in mm. Errors are `FusionINNError`s.

A way through (`scene` is a vtkMRMLScene, `job(...)` stands for work elsewhere):

    first, second = mrml.guessInputs(scene)
    mrml.patientWarning(first, second)                                                # a sentence or None
    mrml.checkOutputs((first, second), (fusedNode, latentNode))                       # before the work; None stands for a new node
    fusion = job(pipeline.fuse, mrml.volumeFromNode(first), mrml.volumeFromNode(second), reference="second")
    nodes = mrml.storeFusion(scene, fusion, first, second, settings={"reference": "second"}, reference="second")

    ways = mrml.waysBack(nodes.fused, nodes.latent)                                   # what is possible, and why
    stored = mrml.fusionFromNodes(nodes.fused, nodes.latent)                          # also after saving and opening the scene
    sources = job(pipeline.decompose, stored.fused, stored.latent, stored.recipe)
    exact = mrml.storeExact(scene, sources, nodes.fused)
    guess = job(pipeline.estimate, stored.fused, stored.recipe, samples=8, seed=0)
    estimate = mrml.storeEstimate(scene, guess, nodes.fused, settings={"samples": 8, "seed": 0})

    previous = mrml.showLayout(layoutNode)
    mrml.showCase(scene, {"first": first, "second": second, "fused": nodes.fused, "decomposedFirst": exact[0],
                          "decomposedSecond": exact[1], "difference": mrml.storeDifference(scene, exact[1], second)})
    mrml.showOutlines(segmentation)
    mrml.jumpTo(scene, mrml.tumourCentroidRAS(segmentation))

    labels = mrml.segmentsForFusion(segmentation, nodes.fused, stored.fused).labels
    rows = job(measures.fusion_rows, sources, stored.fused, stored.recipe, labels)
    table = mrml.storeNumbers(scene, rows, nodes.fused)

    # For a window that must not stand still, the functions called ...Steps do the same a volume at a time (steps.py).
    export = mrml.exportFromNodes(nodes.fused, segmentationNode=segmentation, exactNodes=exact, estimateNodes=estimate)
    job(exported.write, export, folder)
    nodes, others = mrml.storeExport(scene, job(exported.read, folder))
"""
from FusionINNLib.evaluation.case_metrics import Row
from FusionINNLib.mrml.difference import comparedWith, storeDifference, storeDifferenceImage
from FusionINNLib.mrml.display import (
                                       ESTIMATED,
                                       Blink,
                                       EstimatedMark,
                                       differenceColors,
                                       estimatedViews,
                                       fusedOpacity,
                                       jumpTo,
                                       orientViews,
                                       restoreOutlines,
                                       setFusedOpacity,
                                       showCase,
                                       showOutlines,
)
from FusionINNLib.mrml.export import exportFromNodes, exportSteps, storeExport, storeExportSteps
from FusionINNLib.mrml.inputs import guessInputs, guessSegmentation, patientWarning
from FusionINNLib.mrml.layout import (
                                       LAYOUT_ID,
                                       VIEWS,
                                       compositeNodeOf,
                                       installLayout,
                                       layoutXML,
                                       restoreLayout,
                                       showLayout,
                                       sliceNodeOf,
                                       viewName,
)
from FusionINNLib.mrml.nodes import (
                                       KIND,
                                       addVolumeNode,
                                       inputsOf,
                                       isEstimate,
                                       kindOfNode,
                                       setWindow,
                                       unitOfNode,
                                       updateVolumeNode,
                                       volumeFromNode,
)
from FusionINNLib.mrml.outputs import checkOutputs
from FusionINNLib.mrml.readback import SceneFusion, WaysBack, fusionFromNodes, isOfFusion, latentOf, settingsOf, warningsOf, waysBack
from FusionINNLib.mrml.results import (
                                       EstimateNodes,
                                       FusionNodes,
                                       storeEstimate,
                                       storeEstimateSteps,
                                       storeExact,
                                       storeExactSteps,
                                       storeFusion,
                                       storeFusionSteps,
)
from FusionINNLib.mrml.segments import drawnSegments, segmentationFromLabels, segmentsForFusion, segmentsFromNode, tumourCentroidRAS
from FusionINNLib.mrml.tables import storeNumbers
from FusionINNLib.results.scene_folder import Export
from FusionINNLib.results.segments import Segment, Segments

__all__ = [
    "ESTIMATED", "KIND", "LAYOUT_ID", "VIEWS",
    "Blink", "EstimateNodes", "EstimatedMark", "Export", "FusionNodes", "Row", "SceneFusion", "Segment", "Segments", "WaysBack",
    "addVolumeNode", "checkOutputs", "comparedWith", "compositeNodeOf", "differenceColors", "drawnSegments", "estimatedViews",
    "exportFromNodes", "exportSteps", "fusedOpacity", "fusionFromNodes", "guessInputs", "guessSegmentation", "inputsOf", "installLayout",
    "isEstimate", "isOfFusion", "jumpTo", "kindOfNode", "latentOf", "layoutXML", "orientViews", "patientWarning", "restoreLayout",
    "restoreOutlines", "segmentationFromLabels", "segmentsForFusion", "segmentsFromNode", "setFusedOpacity", "setWindow", "settingsOf",
    "showCase", "showLayout", "showOutlines", "sliceNodeOf", "storeDifference", "storeDifferenceImage", "storeEstimate",
    "storeEstimateSteps", "storeExact", "storeExactSteps", "storeExport", "storeExportSteps", "storeFusion", "storeFusionSteps",
    "storeNumbers", "tumourCentroidRAS", "unitOfNode", "updateVolumeNode", "viewName", "volumeFromNode", "warningsOf", "waysBack",
]
