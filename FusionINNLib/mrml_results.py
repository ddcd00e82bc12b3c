"""Results as nodes of the scene: fusion, decompositions, differences. Reading them back is in `mrml_readback.py`. Main thread only.

What was chosen as output is updated, for None a new node is made, nothing else is touched. Everything that the way back and the provenance
need is in node attributes and node references, which Slicer saves with the scene.
"""
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from FusionINNLib import __version__
from FusionINNLib.errors import GeometryError, InputError
from FusionINNLib.exported import Source
from FusionINNLib.mrml_nodes import (ESTIMATE_KINDS, KIND, PREFIX, ROLE, Node, addVolumeNode, affineOfNode, affineOfResult,
                                     checksumOfVoxels, clearRecord, copyLook, copyUnit, emptyGrid, inputsOf, isEstimate, kindOfNode,
                                     onGridOf, readNode, recordOf, setRecord, setWindow, unitOfNode, updateVolumeNode, voxelsOfNode)
from FusionINNLib.mrml_tree import placeBeside
from FusionINNLib.recipe import NOTICE, Recipe
from FusionINNLib.volume import Volume

_DESCRIPTIONS = {
    "fused": "Fused image, no unit.", "latent": "Latent image: with the fused image it gives both sources back exactly.",
    "exact": "Decomposed exactly, with the saved latent.",
    "estimated": "ESTIMATED from the fused image alone: what the network believes, not a scan.",
    "spread": "ESTIMATED: standard deviation of the estimate over drawn latents.",
    "cycle": "ESTIMATED: the estimate fused again, minus the fused image.", "difference": "Decomposed minus source."}


@dataclass(frozen=True)
class FusionNodes:
    """The two images of a fusion."""

    fused: Node
    latent: Node


@dataclass(frozen=True)
class EstimateNodes:
    """The five images of an estimate; as a choice of outputs, None for a new node."""

    first: Node = None
    second: Node = None
    firstSpread: Node = None
    secondSpread: Node = None
    cycleError: Node = None


def checkOutputs(inputs: tuple[Node | None, ...], outputs: tuple[Node | None, ...]) -> None:
    """Raises InputError unless each chosen output may be overwritten: it is no input, chosen once, and a scalar volume that is empty or was
    made by FusionINN."""
    chosen = [node for node in outputs if node is not None]
    for node in chosen:
        name = node.GetName()
        if node in inputs:
            raise InputError(f"{name} is chosen as input and as output: choose another output.")
        if chosen.count(node) > 1:
            raise InputError(f"{name} is chosen for two outputs: choose another one for one of them.")
        if node.GetClassName() != "vtkMRMLScalarVolumeNode":
            raise InputError(f"{name} cannot hold a result, as it is no scalar volume: choose another output.")
        if node.GetImageData() is not None and kindOfNode(node) is None:
            raise InputError(f"{name} holds an image that FusionINN did not make, and is left as it is: choose another output.")


# ---- fusion ----------------------------------------------------------------------------------------------------------------------


def storeFusion(scene, fusion: Any, firstNode: Node, secondNode: Node, *, settings: dict, reference: str = "second",
                fusedNode: Node | None = None, latentNode: Node | None = None) -> FusionNodes:
    """Fused image and latent as nodes.

    Geometry and parent transform are those of the reference input, and both lie in a folder beside it in the subject hierarchy.

    Args:
        fusion: what `pipeline.fuse` gave (fused, latent, recipe, alignment).
        settings: what the user chose, JSON-ready.
        reference: "first" or "second", as given to `fuse`.

    Raises InputError as `checkOutputs`.
    """
    checkOutputs((firstNode, secondNode), (fusedNode, latentNode))
    alignment = fusion.alignment
    moved = {"mode": alignment.mode, "resampled": alignment.resampled, "shift_mm": alignment.shift_mm,
             "rotation_deg": alignment.rotation_deg, "reference_to_moving_ras_mm": np.asarray(alignment.transform).tolist(),
             "similarity_before": alignment.similarity_before, "similarity_after": alignment.similarity_after}
    like = secondNode if reference == "second" else firstNode
    nodes = storeImages(scene, fusion.fused, fusion.latent, fusion.recipe, tuple(sourceOfNode(node) for node in (firstNode, secondNode)),
                        moved, settings, like, FusionNodes(fusedNode, latentNode))
    setRecord(nodes.fused, Reference=reference)
    for node in (nodes.fused, nodes.latent):
        _refer(node, First=firstNode, Second=secondNode)
        setRecord(node, InputIDs=[firstNode.GetID(), secondNode.GetID()])
        placeBeside(node, like)
    return nodes


def storeImages(scene, fused: Volume, latent: Volume, recipe: Recipe, sources: tuple[Source, Source], alignment: dict, settings: dict,
                like: Node | None, chosen: FusionNodes) -> FusionNodes:
    """Fused image and latent with all that is known of them, from a computation or from a folder.

    like: the reference input; where it is gone or has moved meanwhile, the volumes lie where they were computed.
    """
    name = f"{sources[0].name} + {sources[1].name}"
    like = like if _isOnGrid(like, fused, scene) else None
    record = {"FusedSHA256": checksumOfVoxels(fused.array), "LatentSHA256": checksumOfVoxels(latent.array), "Recipe": recipe.to_dict(),
              "Sources": [asdict(source) for source in sources], "Alignment": alignment,
              "Grid": {"shape_kji": list(fused.shape), "ijk_to_ras_mm": fused.affine.tolist()}}
    nodes = []
    for volume, node, kind in ((fused, chosen.fused, "fused"), (latent, chosen.latent, "latent")):
        node, isFresh = _output(scene, node, f"{name} (FusionINN {kind})", kind)
        updateVolumeNode(node, volume, like)
        setRecord(node, **_provenance(recipe, settings), **(record if kind == "fused" else
                                                            {name: record[name] for name in ("FusedSHA256", "LatentSHA256")}))
        if isFresh:
            setWindow(node, *(_window(volume, recipe.axis) if kind == "fused" else (-3.0, 3.0)))
        nodes.append(node)
    _refer(nodes[0], Latent=nodes[1])
    _refer(nodes[1], Fused=nodes[0])
    return FusionNodes(*nodes)


def sourceOfNode(node: Node) -> Source:
    """An input as provenance names it. The checksum is that of its file where the node is as it was loaded, else of its voxels."""
    from FusionINNLib.volume_io import sha256

    voxels, storage = voxelsOfNode(node), node.GetStorageNode()
    grid = {"shape_kji": list(voxels.shape), "ijk_to_ras_mm": affineOfResult(node).tolist()}
    path = storage.GetFullNameFromFileName() if storage is not None else None
    if path and Path(path).is_file() and storage.GetNumberOfFileNames() <= 1 and not node.GetModifiedSinceRead():
        return Source(node.GetName(), Path(path).name, sha256(path), unitOfNode(node), grid)
    return Source(node.GetName(), node.GetName(), checksumOfVoxels(voxels), unitOfNode(node), grid)


# ---- decompositions ----------------------------------------------------------------------------------------------------------------


def storeExact(scene, sources: tuple[Volume, Volume], fusedNode: Node, *, firstNode: Node | None = None,
               secondNode: Node | None = None) -> tuple[Node, Node]:
    """The exact decomposition as nodes, in the sources' types and units, with the window, level and colours of the inputs.

    firstNode, secondNode: the chosen OUTPUT nodes, None for new ones. Raises InputError as `checkOutputs`, GeometryError where the fused
    node has changed its grid since.
    """
    _checkForFused(fusedNode, (firstNode, secondNode))
    nodes = []
    for n, (volume, chosen) in enumerate(zip(sources, (firstNode, secondNode))):
        node = _store(scene, volume, fusedNode, chosen, "exact", n, "exact", None)
        setRecord(node, Resampled=bool(recordOf(fusedNode, "Recipe", {}).get("sources", [{}, {}])[n].get("resampled", False)))
        nodes.append(node)
    return nodes[0], nodes[1]


def storeEstimate(scene, estimate: Any, fusedNode: Node, *, settings: dict, outputs: EstimateNodes | None = None) -> EstimateNodes:
    """An estimate as nodes whose names and attributes say ESTIMATED.

    Args:
        estimate: what `pipeline.estimate` gave.
        settings: samples, seed and what else the user chose, JSON-ready.
        outputs: to update; None, or None in it, for new nodes.
    """
    outputs = outputs or EstimateNodes()
    _checkForFused(fusedNode, tuple(vars(outputs).values()))
    first = _store(scene, estimate.first, fusedNode, outputs.first, "estimated", 0, "ESTIMATED", settings)
    second = _store(scene, estimate.second, fusedNode, outputs.second, "estimated", 1, "ESTIMATED", settings)
    firstSpread = _store(scene, estimate.first_spread, fusedNode, outputs.firstSpread, "spread", 0, "ESTIMATED spread", settings)
    secondSpread = _store(scene, estimate.second_spread, fusedNode, outputs.secondSpread, "spread", 1, "ESTIMATED spread", settings)
    cycle = _store(scene, estimate.cycle_error, fusedNode, outputs.cycleError, "cycle", None, "ESTIMATED cycle error", settings)
    return EstimateNodes(first, second, firstSpread, secondSpread, cycle)


def storeDifference(scene, decomposedNode: Node, sourceNode: Node, *, differenceNode: Node | None = None) -> Node:
    """Decomposed minus source as a node on the decomposed grid, in their unit, blue below and orange above zero.

    A source on another grid is moved and interpolated as it was for the fusion. Raises InputError as `checkOutputs`.
    """
    from FusionINNLib.mrml_display import differenceColors
    from FusionINNLib.picture_columns import difference_column

    checkOutputs((decomposedNode, sourceNode), (differenceNode,))
    decomposed = readNode(decomposedNode)
    source = _onGrid(sourceNode, decomposed, decomposedNode.GetNodeReference(PREFIX + "Fused"))
    values = decomposed.values.astype(np.float32) - source.values.astype(np.float32)
    node, isFresh = _output(scene, differenceNode, f"{decomposedNode.GetName()} - source", "difference")
    updateVolumeNode(node, Volume(values, decomposed.affine, "difference", decomposed.unit), like=decomposedNode)
    setRecord(node, Estimated="true" if isEstimate(decomposedNode) else None, InputIDs=[decomposedNode.GetID(), sourceNode.GetID()],
              Version=__version__, Role=decomposedNode.GetAttribute(ROLE))
    axis = decomposed.through_plane_axis
    if isFresh:
        node.GetDisplayNode().SetAndObserveColorNodeID(differenceColors(scene).GetID())
        slices = range(0, decomposed.shape[axis], max(1, decomposed.shape[axis] // 16))
        setWindow(node, *difference_column("", decomposed, source, _window(source, axis), axis, slices).window)
    _refer(node, Fused=decomposedNode.GetNodeReference(PREFIX + "Fused"))
    placeBeside(node, decomposedNode)
    return node


# ---- parts -------------------------------------------------------------------------------------------------------------------------


def _checkForFused(fusedNode: Node, outputs: tuple[Node | None, ...]) -> None:
    if fusedNode is None:
        raise InputError("No fused volume is chosen: choose one.")
    checkOutputs((fusedNode, fusedNode.GetNodeReference(PREFIX + "Latent"), *inputsOf(fusedNode)), outputs)


def _store(scene, volume: Volume, fused: Node, chosen: Node | None, kind: str, role: int | None, words: str, settings: dict | None) -> Node:
    """One image of a decomposition. role: 0 first, 1 second, None neither."""
    sources = recordOf(fused, "Sources", [{"name": "first"}, {"name": "second"}])
    name = fused.GetName() if role is None else sources[role]["name"]
    volume = onGridOf(volume, fused)  # before anything is changed: it may refuse
    node, isFresh = _output(scene, chosen, f"{name} (FusionINN {words})", kind)
    updateVolumeNode(node, volume, like=fused)
    kept = {name: fused.GetAttribute(PREFIX + name) for name in ("ModelId", "WeightsSHA256", "FusedSHA256")}
    setRecord(node, **kept, VoxelsSHA256=checksumOfVoxels(voxelsOfNode(node)), Version=__version__,
              Settings=settings if settings is not None else recordOf(fused, "Settings", {}),
              Role=None if role is None else ("first", "second")[role], InputIDs=[fused.GetID()])
    _refer(node, Fused=fused)
    source = None if role is None or kind == "spread" else inputsOf(fused)[role]
    if source is not None:
        copyUnit(node, source)
    if isFresh:
        _look(scene, node, volume, kind, source)
    placeBeside(node, fused)
    return node


def _look(scene, node: Node, volume: Volume, kind: str, source: Node | None) -> None:
    """Window and colours: as the source has them, or from the voxels."""
    from FusionINNLib.mrml_display import differenceColors

    if source is not None and source.GetDisplayNode() is not None:
        copyLook(node, source)
    elif kind == "cycle":
        reach = float(np.percentile(np.abs(volume.array), 99.9)) or 1e-3
        node.GetDisplayNode().SetAndObserveColorNodeID(differenceColors(scene).GetID())
        setWindow(node, -reach, reach)
    else:
        setWindow(node, *_window(volume, volume.through_plane_axis))


def _window(volume: Volume, axis: int) -> tuple[float, float]:
    from FusionINNLib.picture_columns import window

    return window(volume, axis)


def _output(scene, chosen: Node | None, name: str, kind: str) -> tuple[Node, bool]:
    """The node to fill, and whether it needs a look of its own: one that showed such an image before keeps what the user made of it."""
    before = kindOfNode(chosen)
    isFresh = chosen is None or before != kind or chosen.GetDisplayNode() is None
    node = addVolumeNode(scene, name) if chosen is None else chosen
    if before not in (None, kind):
        node.SetName(scene.GenerateUniqueName(name))  # the old name may say "exact" of what is an estimate now
    elif kind in ESTIMATE_KINDS and "ESTIMATED" not in node.GetName():
        node.SetName(f"{node.GetName()} (FusionINN ESTIMATED)")
    clearRecord(node)
    for role in ("First", "Second", "Fused", "Latent"):
        node.RemoveNodeReferenceIDs(PREFIX + role)
    if isFresh:
        node.CreateDefaultDisplayNodes()
        node.GetDisplayNode().SetAutoWindowLevel(False)  # or else Slicer makes histograms of an image that gets its window from here
    node.SetAttribute(KIND, kind)
    node.SetDescription(f"{_DESCRIPTIONS[kind]} {NOTICE}")
    return node, isFresh


def _provenance(recipe: Recipe, settings: dict) -> dict:
    return {"ModelId": recipe.model, "WeightsSHA256": recipe.sha256, "Version": __version__, "Settings": settings}


def _refer(node: Node, **others: Node | None) -> None:
    """Node references, which keep pointing at the right nodes when IDs change."""
    for role, other in others.items():
        if other is not None and other.GetScene() is node.GetScene():
            node.SetNodeReferenceID(PREFIX + role, other.GetID())


def _isOnGrid(node: Node | None, volume: Volume, scene) -> bool:
    if node is None or node.GetScene() is not scene or node.GetImageData() is None:
        return False
    try:
        return volume.same_grid(emptyGrid(node.GetImageData().GetDimensions()[::-1], affineOfNode(node)))
    except GeometryError:  # it came under a nonlinear or shearing transform meanwhile
        return False


def _onGrid(sourceNode: Node, decomposed: Volume, fusedNode: Node | None) -> Volume:
    """A source on the grid of what it was decomposed to: as it is, with its axes turned, or moved and interpolated as for the fusion."""
    from FusionINNLib.resampling import reordered, resample

    source = readNode(sourceNode)
    turned = source if source.same_grid(decomposed) else reordered(source, decomposed)
    alignment = recordOf(fusedNode, "Alignment", {}) if fusedNode is not None else {}
    if turned is not None and alignment.get("mode") != "rigid":
        return turned
    moving = inputsOf(fusedNode)[0 if fusedNode is None or fusedNode.GetAttribute(PREFIX + "Reference") != "first" else 1]
    wasMoved = alignment.get("mode") == "rigid" and moving is sourceNode
    if turned is not None and not wasMoved:
        return turned
    return resample(source, decomposed, np.array(alignment["reference_to_moving_ras_mm"]) if wasMoved else np.eye(4))
