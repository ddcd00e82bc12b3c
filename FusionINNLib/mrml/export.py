"""Nodes to what a result folder holds, and back. The files themselves are the business of `results/scene_folder.py`. Main thread only."""
from dataclasses import replace
from typing import Any

from FusionINNLib.errors import InputError, ResultError
from FusionINNLib.methods import registry
from FusionINNLib.mrml.color import storedColor, storeFusedColor
from FusionINNLib.mrml.nodes import PREFIX, Node, kindOfNode, recordOf, setRecord
from FusionINNLib.mrml.readback import SceneFusion, fusionFromNodes, isOfFusion, settingsOf, trustOf, warningsOf, withChecksum
from FusionINNLib.mrml.results import EstimateNodes, FusionNodes, storeEstimateSteps, storeExactSteps, storeImagesSteps
from FusionINNLib.mrml.segments import drawnSegments, segmentationFromLabels
from FusionINNLib.mrml.subject_hierarchy import placeBeside
from FusionINNLib.registration.resampling import onto_grid
from FusionINNLib.results.estimate_images import ESTIMATE_IMAGES, EXACT_IMAGES
from FusionINNLib.results.records import Estimate
from FusionINNLib.results.scene_folder import Export, Source, as_stored
from FusionINNLib.results.segments import on_grid
from FusionINNLib.results.trust import Trust
from FusionINNLib.steps import Steps, finish
from FusionINNLib.volumes.volume import Volume


def exportFromNodes(fusedNode: Node, latentNode: Node | None = None, **choices) -> Export:
    """What a result folder is to hold, copied out of MRML: give it to `exported.write`, in a worker if you like.

    exactNodes, estimateNodes: are left out unless all of them are there. Without exactNodes the exact sources that the report shows are
    computed by `exported.write`. Raises ResultError where fused volume and latent do not belong together, or a decomposition belongs to
    another fusion; InputError where nothing is chosen.
    """
    export = finish(exportSteps(fusedNode, latentNode, **choices))
    return replace(export, segments=on_grid(export.segments, export.fused))


def exportSteps(fusedNode: Node, latentNode: Node | None = None, *, segmentationNode: Node | None = None,
                exactNodes: tuple[Node | None, Node | None] = (None, None), estimateNodes: EstimateNodes | None = None) -> Steps[Export]:
    """As `exportFromNodes`, in steps; `exported.write` puts the segments onto the grid."""
    stored = fusionFromNodes(fusedNode, latentNode)
    if stored.latent is None and stored.obstacle is not None and registry.info(stored.recipe.method).capabilities.exact:
        raise ResultError(f"Only a fusion with its latent can be exported: {stored.obstacle.because}")
    sources = tuple(Source(**source) for source in recordOf(fusedNode, "Sources", ()))
    alignment = recordOf(fusedNode, "Alignment")
    if len(sources) != 2 or alignment is None:
        raise ResultError(f"{fusedNode.GetName()} does not say what it was fused from: fuse the sources again.")
    yield
    color = storedColor(fusedNode, stored.fused)
    yield
    exact: list[Volume] = []
    estimate: dict[str, Volume] = {}
    settings: dict[str, Any] = {}
    warnings: tuple[str, ...] = ()
    trust, segments = Trust.UNKNOWN, None
    if None not in exactNodes:
        for image, node, record in zip(EXACT_IMAGES, exactNodes, stored.recipe.sources):
            volume = as_stored(_decomposed(node, fusedNode, stored, image.kind.name), record)
            exact.append(replace(volume, name=image.name, unit=record.unit))
            yield
    if estimateNodes is not None and None not in vars(estimateNodes).values():
        for image in ESTIMATE_IMAGES:
            volume = _decomposed(getattr(estimateNodes, image.node_field), fusedNode, stored, None)
            estimate[image.field] = replace(volume, name=image.name)
            yield
        settings, warnings, trust = settingsOf(estimateNodes.first), warningsOf(estimateNodes.first), trustOf(estimateNodes.first)
    if segmentationNode is not None:
        segments = drawnSegments(segmentationNode, fusedNode, stored.fused)
    return Export(stored.fused, stored.latent, stored.recipe, sources, alignment, settingsOf(fusedNode),
                  (exact[0], exact[1]) if exact else None, estimate or None, settings, warnings, trust, segments, color=color)


def storeExport(scene, export: Export) -> tuple[FusionNodes, dict[str, Node]]:
    """A result folder as new nodes: fused and latent, and by name what else there is.

    Names: `node_field` of results/estimate_images.py, and segmentation.
    """
    return finish(storeExportSteps(scene, export))


def storeExportSteps(scene, export: Export) -> Steps[tuple[FusionNodes, dict[str, Node]]]:
    """As `storeExport`, in steps."""
    nodes = yield from storeImagesSteps(scene, export.fused, export.latent, export.recipe, export.sources, export.alignment,
                                        export.settings, None, FusionNodes(None, None))
    if "reference" in export.settings:
        setRecord(nodes.fused, Reference=str(export.settings["reference"]))
    for node in filter(None, (nodes.fused, nodes.latent)):
        placeBeside(node, nodes.fused)
    storeFusedColor(scene, export.color, nodes.fused, export.fused)
    others: dict[str, Node] = {}
    if export.exact is not None:
        exact = yield from storeExactSteps(scene, export.exact, nodes.fused)
        others |= {image.node_field: node for image, node in zip(EXACT_IMAGES, exact)}
    if export.estimate is not None:
        estimate = Estimate(**export.estimate, warnings=export.estimate_warnings, trust=export.estimate_trust)
        others |= vars((yield from storeEstimateSteps(scene, estimate, nodes.fused, settings=export.estimate_settings)))
    yield
    if (segments := on_grid(export.segments, export.fused)) is not None:
        others["segmentation"] = segmentationFromLabels(scene, segments, "Segmentation")
        others["segmentation"].SetReferenceImageGeometryParameterFromVolumeNode(nodes.fused)
        placeBeside(others["segmentation"], nodes.fused)
    return nodes, others


def _decomposed(node: Node, fusedNode: Node, stored: SceneFusion, kind: str | None) -> Volume:
    """A decomposed volume of this very fusion, on the grid of the fused image as it was written."""
    if kind is not None and kindOfNode(node) != kind:
        raise InputError(f"{node.GetName()} is no exact decomposition: choose the volumes that Decompose made.")
    if not isOfFusion(node, fusedNode):
        raise ResultError(f"{node.GetName()} was decomposed from another fusion: decompose this one again.")
    volume = withChecksum(node, node.GetAttribute(PREFIX + "VoxelsSHA256"))
    if volume is None:
        raise ResultError(f"{node.GetName()} was changed since it was decomposed: decompose again.")
    turned = onto_grid(volume, stored.fused)
    if turned is None:
        raise ResultError(f"{node.GetName()} has changed its geometry since it was decomposed: decompose again.")
    return turned
