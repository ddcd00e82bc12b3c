"""Results as nodes of the scene: fusion and decompositions. Reading them back is in `mrml/readback.py`. Main thread only.

What was chosen as output is updated, for None a new node is made, nothing else is touched. Everything that the way back and the provenance
need is in node attributes and node references, which Slicer saves with the scene. The functions called `...Steps` do the same a volume at a
time, see `steps.py`: for a window that must not stand still.
"""
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from FusionINNLib import __version__
from FusionINNLib.errors import GeometryError, InputError
from FusionINNLib.methods import registry
from FusionINNLib.mrml.color import anyVoxelsOfNode, storeSourceColor
from FusionINNLib.mrml.nodes import (
    PREFIX,
    Node,
    affineOfNode,
    affineOfResult,
    checksumOfVoxels,
    copyLook,
    copyUnit,
    emptyGrid,
    inputsOf,
    onGridOf,
    recordOf,
    setRecord,
    setWindow,
    unitOfNode,
    updateVolumeNode,
    voxelsOfNode,
)
from FusionINNLib.mrml.outputs import checkOutputs, outputNode, refer
from FusionINNLib.mrml.readback import warningsOf
from FusionINNLib.mrml.subject_hierarchy import placeBeside
from FusionINNLib.results.estimate_images import CYCLE, ESTIMATE_IMAGES, EXACT_IMAGES, SPREAD, DecomposedImage, ImageKind
from FusionINNLib.results.recipe import Recipe
from FusionINNLib.results.scene_folder import Source
from FusionINNLib.steps import Steps, finish
from FusionINNLib.volumes.volume import Volume


@dataclass(frozen=True)
class FusionNodes:
    """The two images of a fusion; latent: None where the method makes none."""

    fused: Node
    latent: Node | None


@dataclass(frozen=True)
class EstimateNodes:
    """The five images of an estimate, in the order of `ESTIMATE_IMAGES`; as a choice of outputs, None for a new node."""

    first: Node = None
    second: Node = None
    firstSpread: Node = None
    secondSpread: Node = None
    cycleError: Node = None


# ---- fusion ----------------------------------------------------------------------------------------------------------------------


def storeFusion(scene, fusion: Any, firstNode: Node, secondNode: Node, **choices) -> FusionNodes:
    """Fused image and latent as nodes.

    Geometry and parent transform are those of the reference input, and both lie in a folder beside it in the subject hierarchy.

    Args:
        fusion: what `pipeline.fuse` gave (fused, latent, recipe, alignment).
        settings: what the user chose, JSON-ready.
        reference: "first" or "second", as given to `fuse`; "second" by itself.
        fusedNode, latentNode: the chosen outputs; None, as by themselves, for new ones.

    Raises InputError as `checkOutputs`.
    """
    return finish(storeFusionSteps(scene, fusion, firstNode, secondNode, **choices))


def storeFusionSteps(scene, fusion: Any, firstNode: Node, secondNode: Node, *, settings: dict, reference: str = "second",
                     fusedNode: Node | None = None, latentNode: Node | None = None) -> Steps[FusionNodes]:
    """As `storeFusion`, in steps."""
    checkOutputs((firstNode, secondNode), (fusedNode, latentNode))
    alignment = fusion.alignment
    moved = {"mode": alignment.mode, "resampled": alignment.resampled, "shift_mm": alignment.shift_mm,
             "rotation_deg": alignment.rotation_deg, "reference_to_moving_ras_mm": np.asarray(alignment.transform).tolist(),
             "similarity_before": alignment.similarity_before, "similarity_after": alignment.similarity_after}
    like = secondNode if reference == "second" else firstNode
    sources = []
    for node in (firstNode, secondNode):
        sources.append(sourceOfNode(node))
        yield
    nodes = yield from storeImagesSteps(scene, fusion.fused, fusion.latent, fusion.recipe, tuple(sources), moved, settings, like,
                                        FusionNodes(fusedNode, latentNode))
    setRecord(nodes.fused, Reference=reference)
    for node in filter(None, (nodes.fused, nodes.latent)):
        refer(node, First=firstNode, Second=secondNode)
        setRecord(node, InputIDs=[firstNode.GetID(), secondNode.GetID()])
        placeBeside(node, like, f"{firstNode.GetName()} + {secondNode.GetName()}")
    return nodes


def storeImagesSteps(scene, fused: Volume, latent: Volume | None, recipe: Recipe, sources: tuple[Source, Source], alignment: dict,
                     settings: dict, like: Node | None, chosen: FusionNodes) -> Steps[FusionNodes]:
    """Fused image and latent with all that is known of them, from a computation or from a folder. Without a latent its node stays as it is.

    like: the reference input; where it is gone or has moved meanwhile, the volumes lie where they were computed.
    """
    name = f"{sources[0].name} + {sources[1].name}"
    like = like if _isOnGrid(like, fused, scene) else None
    images = [("fused", fused, chosen.fused), ("latent", latent, chosen.latent)][:1 if latent is None else 2]
    checksums = {}
    for kind, volume, _node in images:
        checksums[f"{kind.capitalize()}SHA256"] = checksumOfVoxels(volume.array)
        yield
    record = {"Recipe": recipe.to_dict(), "Sources": [asdict(source) for source in sources], "Alignment": alignment,
              "Grid": {"shape_kji": list(fused.shape), "ijk_to_ras_mm": fused.affine.tolist()}}
    nodes = []
    for kind, volume, node in images:
        node, isFresh = outputNode(scene, node, f"{name} ({_title(recipe)} {kind})", kind)
        updateVolumeNode(node, volume, like)
        setRecord(node, **_provenance(recipe, settings), **checksums, **(record if kind == "fused" else {}))
        if isFresh:
            setWindow(node, *(_window(volume, recipe.axis) if kind == "fused" else (-3.0, 3.0)))
        nodes.append(node)
        yield
    if latent is None:
        return FusionNodes(nodes[0], None)
    refer(nodes[0], Latent=nodes[1])
    refer(nodes[1], Fused=nodes[0])
    return FusionNodes(*nodes)


def sourceOfNode(node: Node) -> Source:
    """An input as provenance names it. The checksum is that of its file where the node is as it was loaded, else of its voxels."""
    from FusionINNLib.volumes.io import sha256

    voxels, storage = anyVoxelsOfNode(node), node.GetStorageNode()
    grid = {"shape_kji": list(voxels.shape[:3]), "ijk_to_ras_mm": affineOfResult(node).tolist()}
    if (storage is not None and (path := storage.GetFullNameFromFileName()) and Path(path).is_file()
            and storage.GetNumberOfFileNames() <= 1 and not node.GetModifiedSinceRead()):
        return Source(node.GetName(), Path(path).name, sha256(path), unitOfNode(node), grid)
    return Source(node.GetName(), node.GetName(), checksumOfVoxels(voxels), unitOfNode(node), grid)


# ---- decompositions ----------------------------------------------------------------------------------------------------------------


def storeExact(scene, sources: tuple[Volume, Volume], fusedNode: Node, *, firstNode: Node | None = None,
               secondNode: Node | None = None) -> tuple[Node, Node]:
    """The exact decomposition as nodes, in the sources' types and units, with the window, level and colours of the inputs.

    firstNode, secondNode: the chosen OUTPUT nodes, None for new ones. Raises InputError as `checkOutputs`, GeometryError where the fused
    node has changed its grid since.
    """
    return finish(storeExactSteps(scene, sources, fusedNode, firstNode=firstNode, secondNode=secondNode))


def storeExactSteps(scene, sources: tuple[Volume, Volume], fusedNode: Node, *, firstNode: Node | None = None,
                    secondNode: Node | None = None) -> Steps[tuple[Node, Node]]:
    """As `storeExact`, in steps."""
    _checkForFused(fusedNode, (firstNode, secondNode))
    nodes = []
    for n, (image, volume, chosen) in enumerate(zip(EXACT_IMAGES, sources, (firstNode, secondNode))):
        node = _store(scene, volume, fusedNode, chosen, image, None)
        setRecord(node, Resampled=bool(recordOf(fusedNode, "Recipe", {}).get("sources", [{}, {}])[n].get("resampled", False)))
        storeSourceColor(scene, node, fusedNode)
        nodes.append(node)
        yield
    return nodes[0], nodes[1]


def storeEstimate(scene, estimate: Any, fusedNode: Node, *, settings: dict, notes: Sequence[str] = (),
                  outputs: EstimateNodes | None = None) -> EstimateNodes:
    """An estimate as nodes whose names and attributes say ESTIMATED.

    Args:
        estimate: what `pipeline.estimate` gave.
        settings: samples, seed and what else the user chose, JSON-ready.
        notes: sentences about the fused image, which stay with the nodes as the estimate's warnings do.
        outputs: to update; None, or None in it, for new nodes.
    """
    return finish(storeEstimateSteps(scene, estimate, fusedNode, settings=settings, notes=notes, outputs=outputs))


def storeEstimateSteps(scene, estimate: Any, fusedNode: Node, *, settings: dict, notes: Sequence[str] = (),
                       outputs: EstimateNodes | None = None) -> Steps[EstimateNodes]:
    """As `storeEstimate`, in steps."""
    outputs = outputs or EstimateNodes()
    _checkForFused(fusedNode, tuple(vars(outputs).values()))
    nodes = []
    for image in ESTIMATE_IMAGES:
        node = _store(scene, getattr(estimate, image.field), fusedNode, getattr(outputs, image.node_field), image, settings)
        setRecord(node, Warnings=[*notes, *estimate.warnings], State=estimate.trust.value)
        said = [node.GetDescription(), estimate.trust.sentence, *warningsOf(node)]
        node.SetDescription(" ".join(said))  # in the Data module, also when a scene is opened again
        if image.kind.name == "estimated":
            storeSourceColor(scene, node, fusedNode)
        nodes.append(node)
        yield
    return EstimateNodes(*nodes)


# ---- parts -------------------------------------------------------------------------------------------------------------------------


def _checkForFused(fusedNode: Node, outputs: tuple[Node | None, ...]) -> None:
    if fusedNode is None:
        raise InputError("No fused volume is chosen: choose one.")
    checkOutputs((fusedNode, fusedNode.GetNodeReference(PREFIX + "Latent"), *inputsOf(fusedNode)), outputs)


def _store(scene, volume: Volume, fused: Node, chosen: Node | None, image: DecomposedImage, settings: dict | None) -> Node:
    """One image of a decomposition."""
    kind, role = image.kind, image.role
    sources = recordOf(fused, "Sources", [{"name": "first"}, {"name": "second"}])
    name = fused.GetName() if role is None else sources[role]["name"]
    volume = onGridOf(volume, fused)  # before anything is changed: it may refuse
    node, isFresh = outputNode(scene, chosen, f"{name} (FusionINN {kind.node_words})", kind.name)
    updateVolumeNode(node, volume, like=fused)
    kept = {name: fused.GetAttribute(PREFIX + name) for name in ("ModelId", "WeightsSHA256", "FusedSHA256")}
    setRecord(node, **kept, VoxelsSHA256=checksumOfVoxels(voxelsOfNode(node)), Version=__version__,
              Settings=settings if settings is not None else recordOf(fused, "Settings", {}),
              Role=None if role is None else ("first", "second")[role], InputIDs=[fused.GetID()])
    refer(node, Fused=fused)
    source = None if role is None or kind is SPREAD else inputsOf(fused)[role]
    if source is not None:
        copyUnit(node, source)
    if isFresh:
        _look(scene, node, volume, kind, source)
    placeBeside(node, fused)
    return node


def _look(scene, node: Node, volume: Volume, kind: ImageKind, source: Node | None) -> None:
    """Window and colours: as the source has them, or from the voxels."""
    from FusionINNLib.mrml.display import differenceColors

    if source is not None and source.GetDisplayNode() is not None:
        copyLook(node, source)
    elif kind is CYCLE:
        axis = volume.through_plane_axis
        some = np.take(volume.array, range(0, volume.shape[axis], max(1, volume.shape[axis] // 16)), axis)
        half_width = float(np.percentile(np.abs(some), 99.9)) or 1e-3
        node.GetDisplayNode().SetAndObserveColorNodeID(differenceColors(scene).GetID())
        setWindow(node, -half_width, half_width)
    else:
        setWindow(node, *_window(volume, volume.through_plane_axis))


def _window(volume: Volume, axis: int) -> tuple[float, float]:
    from FusionINNLib.reports.columns import window

    return window(volume, axis)


def _title(recipe: Recipe) -> str:
    """What people call the method; of one that is not installed here, its name."""
    return registry.info(recipe.method).title if recipe.method in registry.names() else recipe.method


def _provenance(recipe: Recipe, settings: dict) -> dict:
    return {"Method": recipe.method, "ModelId": recipe.model, "WeightsSHA256": recipe.sha256, "Version": __version__, "Settings": settings}


def _isOnGrid(node: Node | None, volume: Volume, scene) -> bool:
    if node is None or node.GetScene() is not scene or node.GetImageData() is None:
        return False
    try:
        return volume.same_grid(emptyGrid(node.GetImageData().GetDimensions()[::-1], affineOfNode(node)))
    except GeometryError:  # it came under a nonlinear or shearing transform meanwhile
        return False
