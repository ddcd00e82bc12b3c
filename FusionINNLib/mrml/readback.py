"""A fusion read back from its nodes, also after the scene was saved and opened again. Main thread only."""
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

import numpy as np

from FusionINNLib.errors import FusionINNError, InputError
from FusionINNLib.methods import registry
from FusionINNLib.methods.base import MethodInfo, no_estimate, no_exact_way
from FusionINNLib.mrml.nodes import (
    PREFIX,
    Node,
    affineOfResult,
    checksumOfVoxels,
    emptyGrid,
    kindOfNode,
    recordOf,
    unitOfNode,
    voxelsOfNode,
)
from FusionINNLib.mrml.obstacles import Obstacle, Reason
from FusionINNLib.pipeline import read_fused
from FusionINNLib.preprocessing.normalization import is_nominal
from FusionINNLib.registration.resampling import reordered
from FusionINNLib.results.recipe import Recipe, recipe_from_dict
from FusionINNLib.results.records import FusedFile
from FusionINNLib.results.scene_folder import settings_of
from FusionINNLib.results.trust import Trust
from FusionINNLib.volumes.io import NIFTI_ENDINGS
from FusionINNLib.volumes.volume import Volume


@dataclass(frozen=True)
class SceneFusion:
    """A fusion read back from nodes, ready for `decompose` (needs `latent`) and `estimate`.

    obstacle: why there is no exact way back; None when there is one, and `latent` then. notes: sentences for the user.
    trust: what became of the fused image since, as far as it was seen while reading.
    """

    fused: Volume
    latent: Volume | None
    recipe: Recipe
    obstacle: Obstacle | None
    notes: tuple[str, ...]
    trust: Trust = Trust.AS_WRITTEN


@dataclass(frozen=True)
class WaysBack:
    """Which decompositions are possible and why (not): sentences for the panel, also where they are possible.

    onlyFuses: the method has no way back at all, whatever is in the scene.
    """

    exact: bool
    exactReason: str
    estimate: bool
    estimateReason: str
    onlyFuses: bool = False


def fusionFromNodes(fusedNode: Node | None, latentNode: Node | None = None, model: str | None = None) -> SceneFusion:
    """The fusion that these nodes hold.

    Args:
        fusedNode: made by FusionINN; or a volume from elsewhere, which gets the record in the header of its file, else a bare one with a
            note.
        latentNode: None for the one that came with fusedNode.
        model: id or path of a model folder, for a volume without a record.

    Slicer's readers turn left-handed grids over when a scene or a file is opened again; the voxels are turned back here, which their
    checksum proves. Raises InputError where there is no fused volume, ResultError for a damaged record.
    """
    if fusedNode is None:
        raise InputError("No fused volume is chosen: choose one, or fuse two volumes first.")
    if kindOfNode(fusedNode) not in (None, "fused"):
        raise InputError(f"{fusedNode.GetName()}: this is no fused image but another result ({kindOfNode(fusedNode)}); "
                         "choose a fused volume.")
    record = recordOf(fusedNode, "Recipe")
    if record is None:
        return _foreign(fusedNode, model)
    recipe, expected = recipe_from_dict(record), fusedNode.GetAttribute(PREFIX + "FusedSHA256")
    fused = withChecksum(fusedNode, expected)
    latentNode = latentNode or latentOf(fusedNode)
    if fused is None:
        turned = _onWrittenGrid(fusedNode)
        note = f"{fusedNode.GetName()} was changed since it was fused: an estimate shows what the changed image says."
        return SceneFusion(replace(turned, name="fused", unit=""), None, recipe, Obstacle(Reason.FUSED_CHANGED), (note,))
    fused = replace(fused, name="fused", unit="")
    if not registry.info(recipe.method).capabilities.exact:
        return SceneFusion(fused, None, recipe, Obstacle(Reason.METHOD, no_exact_way(registry.info(recipe.method))), ())
    latent, obstacle = _latent(fusedNode, latentNode)
    if latent is not None and not latent.same_grid(fused):  # shown elsewhere, by a transform of its own: voxels and checksum count
        latent = replace(latent, affine=fused.affine)
    return SceneFusion(fused, latent, recipe, obstacle, ())


def waysBack(fusedNode: Node | None, latentNode: Node | None = None, model: str | None = None) -> WaysBack:
    """Which decompositions are possible, and why (not). Raises nothing. Reads and checks all voxels: some 30 ms for 3 million."""
    try:
        stored = fusionFromNodes(fusedNode, latentNode, model)
        maker = registry.method_of(stored.recipe, model)
        if not maker.info.capabilities.exact and not maker.info.capabilities.estimate:
            return WaysBack(False, no_exact_way(maker.info), False, no_estimate(maker.info), onlyFuses=True)
        if maker.fingerprint != stored.recipe.sha256:
            sentence = (f"Not possible: the volume was fused with other weights or settings of model {stored.recipe.model!r} than those "
                        "installed, or by another version of FusionINN; choose the folder of the model that made it, or fuse again.")
            return WaysBack(False, sentence, False, sentence)
    except FusionINNError as problem:
        return WaysBack(False, str(problem), False, str(problem))
    exact = "Possible: fused volume and latent belong together, so both sources come back as they were fused."
    estimate = " ".join(stored.notes) or "Possible: from the fused volume alone; a computed guess, not a scan."
    return WaysBack(stored.obstacle is None, exact if stored.obstacle is None else stored.obstacle.sentence, True, estimate)


def latentOf(fusedNode: Node | None) -> Node | None:
    """The latent node that came with a fused node, None where it left the scene."""
    return fusedNode.GetNodeReference(PREFIX + "Latent") if fusedNode is not None else None


def methodOf(fusedNode: Node | None) -> MethodInfo | None:
    """The method that a volume was fused by, as its node says; None where it says nothing, or one that is not installed here."""
    record = recordOf(fusedNode, "Recipe") if fusedNode is not None else None
    name = record.get("method", registry.DEFAULT) if isinstance(record, dict) else None  # format 1 knew one method
    return registry.info(name) if name in registry.names() else None


def isOfFusion(node: Node, fusedNode: Node) -> bool:
    """Whether a node was decomposed from the fused image as it is now, not from an earlier or another fusion."""
    same = PREFIX + "FusedSHA256"
    return node.GetAttribute(same) == fusedNode.GetAttribute(same)


def settingsOf(node: Node) -> dict:
    """The user's choices that made this node."""
    return settings_of(recordOf(node, "Settings", {}))


def trustOf(node: Node) -> Trust:
    """How far the estimate that this node belongs to can be trusted; UNKNOWN where its node does not say."""
    word = node.GetAttribute(PREFIX + "State")
    return Trust(word) if word in {state.value for state in Trust} else Trust.UNKNOWN


def warningsOf(node: Node) -> tuple[str, ...]:
    """What the estimate that this node belongs to warns of, sentences for the user."""
    return tuple(recordOf(node, "Warnings", ()))


def _latent(fusedNode: Node, latentNode: Node | None) -> tuple[Volume | None, Obstacle | None]:
    """The latent of a fused node, or why it is none."""
    if latentNode is None:
        return None, Obstacle(Reason.LATENT_MISSING)
    latent = withChecksum(latentNode, fusedNode.GetAttribute(PREFIX + "LatentSHA256"))
    if latent is not None:
        return replace(latent, name="latent", unit=""), None
    if latentNode.GetAttribute(PREFIX + "FusedSHA256") == fusedNode.GetAttribute(PREFIX + "FusedSHA256"):
        return None, Obstacle(Reason.LATENT_CHANGED)
    return None, Obstacle(Reason.LATENT_OF_ANOTHER, latentNode.GetName())


def withChecksum(node: Node, expected: str | None) -> Volume | None:
    """The voxels of a node as they were written, turned back if need be; None where they are other voxels."""
    volume = _read(node)
    candidates = chain([volume], (_flipped(volume, axis) for axis in range(3)))
    return next((turned for turned in candidates if checksumOfVoxels(turned.array) == expected), None)


def _read(node: Node) -> Volume:
    return Volume(voxelsOfNode(node).copy(), affineOfResult(node), node.GetName(), unitOfNode(node))


def _flipped(volume: Volume, axis: int) -> Volume:
    """The same image with an array axis (0 is k) the other way round."""
    affine = volume.affine.copy()
    affine[:3, 3] += affine[:3, 2 - axis] * (volume.shape[axis] - 1)
    affine[:3, 2 - axis] *= -1
    return replace(volume, array=np.ascontiguousarray(np.flip(volume.array, axis)), affine=affine)


def _onWrittenGrid(node: Node) -> Volume:
    """A fused image with other voxels than it had, on the grid it was written on if that can be had by turning alone."""
    volume, grid = _read(node), recordOf(node, "Grid")
    if grid is None:
        return volume
    return reordered(volume, emptyGrid(tuple(grid["shape_kji"]), np.array(grid["ijk_to_ras_mm"]))) or volume


def _foreign(node: Node, model: str | None) -> SceneFusion:
    """A volume that carries no record: from the header of the file it was loaded from, else a bare recipe."""
    obstacle = Obstacle(Reason.NO_RECORD)
    storage = node.GetStorageNode()
    path = Path(storage.GetFullNameFromFileName()) if storage is not None and storage.GetFullNameFromFileName() else None
    if path is not None and str(path).lower().endswith(NIFTI_ENDINGS) and path.is_file() and not node.GetModifiedSinceRead():
        found = read_fused(path, model)
        return SceneFusion(found.fused, None, found.recipe, obstacle, _sentences(found), found.trust)
    volume = _read(node)
    if not is_nominal(volume.array):
        raise InputError(f"{node.GetName()} carries no record of a fusion and is not on the scale of fused images: choose a fused volume.")
    found = registry.create(registry.DEFAULT, model).adopt(volume, None, has_scale=True)
    return SceneFusion(found.fused, None, found.recipe, obstacle, _sentences(found), found.trust)


def _sentences(found: FusedFile) -> tuple[str, ...]:
    return (*found.warnings, *(f"{note}." for note in found.notes))
