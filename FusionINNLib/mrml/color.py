"""Volume nodes in colour: read as luminance and chroma, and a fused or decomposed image shown in these colours. Main thread only.

The images themselves stay scalar volumes, which every method and every way back works on; each has its image in colour beside it, which
its node refers to. The chroma lies in the scene too, hidden, so that colours come back after the scene was saved and opened.
"""
from dataclasses import replace

import numpy as np
import slicer.util
import vtk
from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy

from FusionINNLib.errors import InputError, ResultError
from FusionINNLib.methods import registry
from FusionINNLib.methods.base import other_order
from FusionINNLib.mrml.inputs import identityOfNode
from FusionINNLib.mrml.nodes import (
    KIND,
    PREFIX,
    Node,
    affineOfNode,
    affineOfResult,
    onGridOf,
    readNode,
    recordOf,
    setRecord,
    setWindow,
    volumeFromNode,
    voxelsOfNode,
)
from FusionINNLib.mrml.outputs import refer
from FusionINNLib.mrml.readback import withChecksum
from FusionINNLib.mrml.subject_hierarchy import placeBeside
from FusionINNLib.registration.resampling import onto_grid
from FusionINNLib.results.color import FusedColor
from FusionINNLib.results.recipe import NOTICE
from FusionINNLib.volumes.color import ColorVolume, is_grey, joined, split
from FusionINNLib.volumes.volume import Volume, check_shape, check_voxels

_COLOR, _CHROMA, _ROLE = "Color", "Chroma", "ColorRole"
_ROLES = ("first", "second")


# ---- sources -------------------------------------------------------------------------------------------------------------------------


def scanFromNode(node: Node | None) -> Volume | ColorVolume:
    """A source for Fuse: what `volumeFromNode` reads, and besides that vector volumes with three or four bytes a voxel (RGB, RGBA).

    Raises as `volumeFromNode`; InputError for colours that are not bytes, and for a volume that is stored in colour and has none.
    """
    rgb = _rgbOfNode(node)
    if node is None or rgb is None:
        return volumeFromNode(node)
    luminance, chroma = _split(node, rgb)
    return ColorVolume(check_voxels(luminance), chroma)


def orderWarning(firstNode: Node | None, method: str) -> str | None:
    """A sentence where the first volume is the one in colour, and the method wants that second; else None. method: a name."""
    scalars = scalarsOf(firstNode) if firstNode is not None and firstNode.IsA("vtkMRMLVectorVolumeNode") else None
    inColors = scalars is not None and scalars.GetNumberOfComponents() in (3, 4)
    return other_order(registry.info(method), inColors) if method in registry.names() else None


def luminanceFromNode(node: Node) -> Volume:
    """As `readNode`; of a volume in colour its luminance, which is what was fused of it."""
    rgb = _rgbOfNode(node)
    return readNode(node) if rgb is None else _split(node, rgb)[0]


def anyVoxelsOfNode(node: Node) -> np.ndarray:
    """The voxels of a source as a view of VTK's memory, (k, j, i), of one in colour (k, j, i, channels). Raises as `voxelsOfNode`."""
    return voxelsOfNode(node) if _rgbOfNode(node) is None else _vectors(node)


def _split(node: Node, rgb: np.ndarray) -> tuple[Volume, np.ndarray]:
    name = node.GetName()
    check_shape(rgb.shape[:3], name)
    if is_grey(rgb):
        raise InputError(f"{name}: the volume is stored in colour and has none; make a grey one of it with the module Vector to Scalar "
                         "Volume and choose that.")
    luminance, chroma = split(rgb)
    return Volume(luminance, affineOfNode(node), name, identity=identityOfNode(node)), chroma


def _rgbOfNode(node: Node | None) -> np.ndarray | None:
    """Colours (k, j, i, 3) as a view of VTK's memory; None for anything that holds none."""
    scalars = scalarsOf(node) if node is not None and node.IsA("vtkMRMLVectorVolumeNode") else None
    if node is None or scalars is None or scalars.GetNumberOfComponents() not in (3, 4):
        return None
    if scalars.GetDataType() != vtk.VTK_UNSIGNED_CHAR:
        raise InputError(f"{node.GetName()}: its colours are no bytes from 0 to 255; cast it to unsigned char, or make a grey volume of it "
                         "with the module Vector to Scalar Volume and choose that.")
    return _vectors(node)[..., :3]


def scalarsOf(node: Node) -> vtk.vtkDataArray | None:
    """The voxels of a volume node of any kind, None where there are none."""
    image = node.GetImageData()
    scalars = image.GetPointData().GetScalars() if image is not None else None
    return scalars if scalars is not None and scalars.GetNumberOfTuples() else None


def _vectors(node: Node) -> np.ndarray:
    return vtk_to_numpy(scalarsOf(node)).reshape(*node.GetImageData().GetDimensions()[::-1], -1)


def addColorVolumeNode(scene, color: ColorVolume) -> Node:
    """A source in colour as a new node, as Slicer makes one of such a file, with a name that no other node has."""
    node = scene.AddNewNodeByClass("vtkMRMLVectorVolumeNode", scene.GenerateUniqueName(color.luminance.name))
    node.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(color.luminance.affine))
    _fill(node, color.rgb)
    return node


# ---- results -------------------------------------------------------------------------------------------------------------------------


def storeFusedColor(scene, color: FusedColor | None, fusedNode: Node, fused: Volume) -> Node | None:
    """The fused image in colour, beside its node, and the chroma; None, and nothing left of an earlier one, for a fusion in grey.

    fused: as it was computed, on whose grid the colours are.
    """
    if color is None:
        for role in (_COLOR, _CHROMA):
            _forget(scene, fusedNode, role)
        return None
    chroma = _oriented(color.chroma, fused, fusedNode).astype(np.float32)  # Slicer writes no vectors of integers but bytes
    kept = _vectorNode(scene, fusedNode, _CHROMA, f"{fusedNode.GetName()} chroma", chroma)
    kept.SetHideFromEditors(True)
    setRecord(fusedNode, ColorRole=color.role, ClippedShare=color.clipped)
    node = _vectorNode(scene, fusedNode, _COLOR, f"{fusedNode.GetName()} in colour", _oriented(color.rgb, fused, fusedNode))
    node.SetDescription(" ".join([*color.sentences, NOTICE]))
    return node


def storeSourceColor(scene, node: Node, fusedNode: Node) -> Node | None:
    """A decomposed source in its colours, beside its node; None where that source had none, or the chroma left the scene."""
    chromaNode = fusedNode.GetNodeReference(PREFIX + _CHROMA)
    isOf = chromaNode is not None and _isOf(chromaNode, fusedNode) and fusedNode.GetAttribute(PREFIX + _ROLE) == node.GetAttribute(
        PREFIX + "Role")
    if not isOf:
        _forget(scene, node, _COLOR)
        return None
    rgb, _ = joined(voxelsOfNode(node), _vectors(chromaNode))
    stored = _vectorNode(scene, node, _COLOR, f"{node.GetName()} in colour", rgb)
    stored.SetDescription(node.GetDescription())
    return stored


def inColor(node: Node | None) -> Node | None:
    """What is to be shown of a volume: its image in colour where it has one that is up to date, else itself."""
    color = node.GetNodeReference(PREFIX + _COLOR) if node is not None else None
    return color if node is not None and color is not None and _isOf(color, node) and _isUnchanged(node) else node


def storedColor(fusedNode: Node, fused: Volume) -> FusedColor | None:
    """The colours of a fusion on the grid of the fused image as it was written; None for a fusion in grey.

    Raises ResultError where they left the scene or are those of another fusion.
    """
    role = fusedNode.GetAttribute(PREFIX + _ROLE)
    if role not in _ROLES:
        return None
    if hasLostColor(fusedNode):
        raise ResultError(f"The colours of {fusedNode.GetName()} are no longer in the scene: fuse the sources again.")
    nodes = (fusedNode.GetNodeReference(PREFIX + name) for name in (_CHROMA, _COLOR))
    chroma, rgb = (_turned(_vectors(node), affineOfResult(fusedNode), fused) for node in nodes)
    return FusedColor(role, chroma.astype(np.int16), rgb, float(recordOf(fusedNode, "ClippedShare", 0.0)))


def colorsOf(node: Node) -> list[Node]:
    """The nodes that hold the colours of an image, which are of no use without it."""
    return [color for role in (_COLOR, _CHROMA) if (color := node.GetNodeReference(PREFIX + role)) is not None]


def colorRole(fusedNode: Node | None) -> str | None:
    """Which source of a fused image was in colour, "first" or "second"; None where neither was."""
    return fusedNode.GetAttribute(PREFIX + _ROLE) if fusedNode is not None else None


def isOfColor(fusedNode: Node | None) -> bool:
    """Whether a source of a fused image was in colour."""
    return colorRole(fusedNode) is not None


def hasLostColor(fusedNode: Node) -> bool:
    """Whether a source was in colour and what shows the fused image or gives the source back in it is gone: the ways back are grey."""
    nodes = [fusedNode.GetNodeReference(PREFIX + name) for name in (_CHROMA, _COLOR)]
    return fusedNode.GetAttribute(PREFIX + _ROLE) is not None and not all(node is not None and _isOf(node, fusedNode) for node in nodes)


def _isOf(node: Node, owner: Node) -> bool:
    """Whether colours were made for the voxels that their owner has now."""
    return all(node.GetAttribute(PREFIX + name) == owner.GetAttribute(PREFIX + name) for name in ("FusedSHA256", "VoxelsSHA256")) \
        and node.GetImageData() is not None and node.GetImageData().GetDimensions() == owner.GetImageData().GetDimensions()


def _oriented(vectors: np.ndarray, volume: Volume, node: Node) -> np.ndarray:
    """Vectors (k, j, i, 3) on the grid of a volume, as its node has its axes. Raises GeometryError where the node has another grid."""
    channels = [onGridOf(replace(volume, array=np.ascontiguousarray(vectors[..., n])), node).array for n in range(3)]
    return np.stack(channels, -1)


def _turned(vectors: np.ndarray, affine: np.ndarray, grid: Volume) -> np.ndarray:
    """The other way round: vectors on the grid of a node, as a volume has its axes."""
    channels = [onto_grid(Volume(np.ascontiguousarray(vectors[..., n]), affine, "colours"), grid) for n in range(3)]
    if (found := [channel.array for channel in channels if channel is not None]) and len(found) == 3:
        return np.stack(found, -1)
    raise ResultError("The colours have another grid than the fused image: fuse the sources again.")


def _isUnchanged(node: Node) -> bool:
    """Whether an image holds the voxels that it was made with, whichever way Slicer has turned it since."""
    expected = node.GetAttribute(PREFIX + ("FusedSHA256" if node.GetAttribute(KIND) == "fused" else "VoxelsSHA256"))
    return withChecksum(node, expected) is not None


def _vectorNode(scene, owner: Node, role: str, name: str, vectors: np.ndarray) -> Node:
    """Vectors (k, j, i, 3), on the grid and under the transform of their owner, in the node that it refers to or in a new one."""
    node = owner.GetNodeReference(PREFIX + role)
    if node is None:
        node = scene.AddNewNodeByClass("vtkMRMLVectorVolumeNode")
        refer(owner, **{role: node})
    node.SetName(scene.GenerateUniqueName(name) if node.GetName() != name else name)
    wasModifying = node.StartModify()
    try:
        _fill(node, vectors)
        node.CopyOrientation(owner)
        node.SetAndObserveTransformNodeID(owner.GetTransformNodeID())
    finally:
        node.EndModify(wasModifying)
    node.SetAttribute(KIND, role.lower())
    setRecord(node, **{name: owner.GetAttribute(PREFIX + name) for name in ("FusedSHA256", "VoxelsSHA256", "State")},
              Estimated="true" if owner.GetAttribute(KIND) == "estimated" else None)
    placeBeside(node, owner)
    return node


def _fill(node: Node, vectors: np.ndarray) -> None:
    """Vectors (k, j, i, 3) as the voxels of a node, shown as the colours that they are."""
    image = vtk.vtkImageData()
    image.SetDimensions(vectors.shape[2::-1])
    scalars = numpy_to_vtk(np.ascontiguousarray(vectors).reshape(-1, 3), deep=True)
    scalars.SetName("ImageScalars")
    image.GetPointData().SetScalars(scalars)
    node.SetAndObserveImageData(image)
    node.CreateDefaultDisplayNodes()
    setWindow(node, 0, 255)  # or else Slicer stretches them, which changes the colours


def _forget(scene, owner: Node, role: str) -> None:
    node = owner.GetNodeReference(PREFIX + role)
    if node is not None:
        owner.RemoveNodeReferenceIDs(PREFIX + role)
        scene.RemoveNode(node)
