"""FusionINN and the MRML scene: nodes to volumes and results to nodes. The scene and the logics are given; nothing here asks `slicer.app`.

This is the list of what panel and page use; what each does is said where it is made. Every name loads its file when it is first used.
These files are the only ones of the library that import slicer and vtk. MRML belongs to the main thread. What takes long,
`evaluation/case_metrics.py` and `results/scene_folder.py`, knows no MRML and runs in a worker, as `pipeline.py` does. Arrays are (k, j, i),
affines IJK-to-RAS in mm. Errors are `FusionINNError`s.

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
import importlib

_NAMES = {
    "evaluation.case_metrics": "Row",
    "mrml.change": "Changed allowLegends changeTask showLegend storeChange",
    "mrml.color": "addColorVolumeNode colorRole colorsOf hasLostColor inColor isOfColor orderWarning scanFromNode",
    "mrml.dicom_outline": "REFERENCE_VOLUME dicomOutlineTask filesOf instancesOf referenceOf suggestedOutline",
    "mrml.difference": "comparedWith storeDifference storeDifferenceImage",
    "mrml.display": "Blink ESTIMATED EstimatedMark differenceColors estimatedViews fusedOpacity jumpTo orientViews restoreOutlines "
                    "setFusedOpacity showCase showInSliceViews showOutlines",
    "mrml.export": "exportFromNodes exportSteps storeExport storeExportSteps",
    "mrml.inputs": "guessInputs guessSegmentation patientWarning",
    "mrml.interval": "intervalOf",
    "mrml.layout": "HISTOGRAMS_LAYOUT_ID LAYOUTS LAYOUT_ID LIGHTBOX_LAYOUT_ID LIGHTBOX_VIEWS SOURCES_LAYOUT_ID VIEWS WITH_3D_LAYOUT_ID "
                   "compositeNodeOf installLayout keepOutOfScenes layoutXML restoreLayout showLayout sliceNodeOf viewName",
    "mrml.lightbox": "showLightbox",
    "mrml.linked_views": "LinkedCrosshair LinkedWindows restoreWindows showSurfaces",
    "mrml.nodes": "KIND addVolumeNode inputsOf isEstimate kindOfNode setWindow unitOfNode updateVolumeNode volumeFromNode",
    "mrml.origin": "isSuggestion",
    "mrml.outcomes": "Compare Estimated Exact Fused Loaded SuggestedNode",
    "mrml.outputs": "checkOutputs",
    "mrml.pairs": "FollowUp Pair decompositionsOf followUpOf fusedOf pairsOf",
    "mrml.patient": "patientSource whoseOf",
    "mrml.readback": "SceneFusion WaysBack fusionFromNodes isOfFusion latentOf methodOf settingsOf trustOf warningsOf waysBack",
    "mrml.results": "EstimateNodes FusionNodes storeEstimate storeEstimateSteps storeExact storeExactSteps storeFusion storeFusionSteps",
    "mrml.screenshot": "pictureOfLayout pictureOfView savePNG",
    "mrml.segment_plots": "SegmentPlots chartsOf segmentNumbersTask showHistograms storeSegmentNumbers tableAsCSV",
    "mrml.segments": "drawnSegments segmentCentroidsRAS segmentationFromLabels segmentsForFusion segmentsFromNode tumourCentroidRAS",
    "mrml.suggestion": "suggestTask",
    "mrml.tables": "storeNumbers",
    "mrml.tasks": "Task checkFusion decomposeTask differenceTask estimateTask exportDicomTask exportTask fuseTask loadTask "
                  "numbersTableTask numbersTask sampleTask",
    "results.scene_folder": "Export",
    "results.segments": "Segment Segments",
}
_HOMES = {name: module for module, names in _NAMES.items() for name in names.split()}
__all__ = [*_HOMES]


def __getattr__(name: str):
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module(f"FusionINNLib.{_HOMES[name]}"), name)
    return value
