"""Volume nodes to volumes and back: voxels, geometry, unit, display, and what FusionINN writes on nodes. Main thread only."""
import hashlib
import json
from typing import Any

import numpy as np
import slicer
import slicer.util
import vtk
from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy

from FusionINNLib.errors import GeometryError, InputError
from FusionINNLib.json_text import parsed
from FusionINNLib.mrml.inputs import identityOfNode
from FusionINNLib.registration.resampling import onto_grid
from FusionINNLib.results.estimate_images import ESTIMATE_KINDS
from FusionINNLib.volumes.volume import Volume, check_shape, check_voxels

Node = Any
"""Some vtkMRMLNode: their classes are made at run time, so that there is no type to name."""

PREFIX = "FusionINN."
KIND = PREFIX + "Kind"
"""Node attribute: fused, latent, exact, estimated, spread, cycle, difference, change, interval, numbers, segmentNumbers or
segmentation."""
ROLE = PREFIX + "Role"
"""Node attribute: which source a decomposed volume is, first or second."""
_LARGEST_WHOLE = 2 ** 53  # in float64


# ---- volumes in ------------------------------------------------------------------------------------------------------------------


def volumeFromNode(node: Node) -> Volume:
    """A copy of a scalar volume node: voxels (k, j, i) in their type, IJK-to-RAS mm with linear parent transforms in it, name, unit.

    The node is not changed. `identity` holds what the subject hierarchy and the file name say of patient and study.
    Raises InputError for None, a label map, vector or multi-frame nodes, empty ones, mere lines, and a constant image that is no result
    of FusionINN; GeometryError for a nonlinear parent transform, a sheared or singular grid.
    """
    if node is not None and node.IsA("vtkMRMLLabelMapVolumeNode"):
        raise InputError(f"{node.GetName()}: this is a label map; choose a scan.")
    volume = readNode(node)
    return volume if kindOfNode(node) else check_voxels(volume)


def readNode(node: Node) -> Volume:
    """As `volumeFromNode`, for any scalar node, also label maps and constant ones."""
    array = voxelsOfNode(node)
    check_shape(array.shape, node.GetName())
    return Volume(array.copy(), affineOfNode(node), node.GetName(), unitOfNode(node), identity=identityOfNode(node))


def affineOfNode(node: Node) -> np.ndarray:
    """IJK-to-world-RAS in mm, 4x4, with linear parent transforms. Raises GeometryError for a nonlinear one."""
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    return transformToWorld(node) @ slicer.util.arrayFromVTKMatrix(matrix)


def affineOfResult(node: Node) -> np.ndarray:
    """As `affineOfNode`; under a nonlinear transform the node's own IJK-to-RAS. The way back needs voxels, wherever they are shown."""
    parent = node.GetParentTransformNode()
    if parent is None or parent.IsTransformToWorldLinear():
        return affineOfNode(node)
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    return slicer.util.arrayFromVTKMatrix(matrix)


def transformToWorld(node: Node) -> np.ndarray:
    """4x4, RAS mm, of all parent transforms of a node; the identity where there is none. Raises GeometryError for a nonlinear one."""
    parent = node.GetParentTransformNode()
    if parent is None:
        return np.eye(4)
    if not parent.IsTransformToWorldLinear():
        raise GeometryError(f"{node.GetName()}: it is under a nonlinear transform ({parent.GetName()}), which bends its grid; "
                            "harden the transform or take the volume out of it.")
    matrix = vtk.vtkMatrix4x4()
    parent.GetMatrixTransformToWorld(matrix)
    return slicer.util.arrayFromVTKMatrix(matrix)


def unitOfNode(node: Node) -> str:
    """Unit of the voxel values, "" where the node does not say."""
    unit = node.GetVoxelValueUnits() if hasattr(node, "GetVoxelValueUnits") else None
    return (unit.GetCodeMeaning() or unit.GetCodeValue() or "") if unit else ""


def kindOfNode(node: Node | None) -> str | None:
    """What FusionINN made of this node (`KIND`), None for anything else."""
    return node.GetAttribute(KIND) if node is not None else None


def isEstimate(node: Node | None) -> bool:
    """Whether what a node shows is an estimate or comes from one: a view that shows it has to say ESTIMATED."""
    return node is not None and (kindOfNode(node) in ESTIMATE_KINDS or node.GetAttribute(PREFIX + "Estimated") == "true")


def checksumOfVoxels(array: np.ndarray) -> str:
    """SHA-256 of voxels (k, j, i), their type and shape."""
    digest = hashlib.sha256(f"{array.dtype.newbyteorder('<').str} {array.shape}".encode())
    digest.update(np.ascontiguousarray(array, array.dtype.newbyteorder("<")).data.cast("B"))
    return digest.hexdigest()


def voxelsOfNode(node: Node | None) -> np.ndarray:
    """The voxels (k, j, i) of a node as a view of VTK's memory. Raises InputError where there is no plain volume in it."""
    if node is None:
        raise InputError("No volume is chosen: choose one.")
    name = node.GetName()
    if not node.IsA("vtkMRMLScalarVolumeNode"):
        raise InputError(f"{name}: this is no scalar volume; choose a volume with one value per voxel.")
    image = node.GetImageData()
    if image is None or (scalars := image.GetPointData().GetScalars()) is None or scalars.GetNumberOfTuples() == 0:
        raise InputError(f"{name}: the volume is empty; load it again.")
    if scalars.GetNumberOfComponents() != 1 or node.IsA("vtkMRMLTensorVolumeNode"):
        raise InputError(f"{name}: each voxel holds {scalars.GetNumberOfComponents()} values (a colour, vector or multi-frame volume); "
                         "choose a volume with one value per voxel, such as one frame of it.")
    return vtk_to_numpy(scalars).reshape(image.GetDimensions()[::-1])


# ---- volumes out -----------------------------------------------------------------------------------------------------------------


def addVolumeNode(scene, name: str) -> Node:
    """A new, empty scalar volume node with a name that no other node has."""
    return scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", scene.GenerateUniqueName(name))


def updateVolumeNode(node: Node, volume: Volume, like: Node | None = None) -> None:
    """Put a volume into a node: voxels, geometry, unit.

    Args:
        volume: its affine is in world RAS mm.
        like: a node on the same grid whose geometry and parent transform are taken over as they are. A volume with swapped or flipped
            axes is turned, every voxel kept.

    Raises GeometryError where `like` is on another grid.
    """
    if like is not None:
        volume = onGridOf(volume, like)
    wasModifying = node.StartModify()
    try:
        node.SetAndObserveImageData(toImage(_storable(volume)))
        if like is None:
            node.SetAndObserveTransformNodeID(None)
            node.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(volume.affine))
        else:
            node.CopyOrientation(like)
            node.SetAndObserveTransformNodeID(like.GetTransformNodeID())
        setUnit(node, volume.unit)
        node.CreateDefaultDisplayNodes()
    finally:
        node.EndModify(wasModifying)


def onGridOf(volume: Volume, node: Node) -> Volume:
    """A volume with its axes in the order and direction of a node's, each voxel kept. Raises GeometryError where the grids differ."""
    grid = emptyGrid(node.GetImageData().GetDimensions()[::-1], affineOfResult(node))
    turned = onto_grid(volume, grid)
    if turned is None:
        raise GeometryError(f"{node.GetName()} has changed its geometry since the work was started: start it again.")
    return turned


def emptyGrid(shape: tuple[int, int, int], affine: np.ndarray) -> Volume:
    """A grid (k, j, i) without voxels of its own: one zero, seen everywhere."""
    return Volume(np.broadcast_to(np.float32(0), shape), affine, "grid")


def setUnit(node: Node, unit: str) -> None:
    """Unit of the voxel values; "" for none."""
    if not unit:
        node.SetVoxelValueUnits(None)
        return
    entry = slicer.vtkCodedEntry()
    entry.SetValueSchemeMeaning(unit, "UCUM", unit)
    node.SetVoxelValueUnits(entry)


def copyUnit(node: Node, source: Node) -> None:
    """Unit and quantity with their codes, where the source says the same unit as the node."""
    if unitOfNode(source) and unitOfNode(source) == unitOfNode(node):
        node.SetVoxelValueUnits(source.GetVoxelValueUnits())
        node.SetVoxelValueQuantity(source.GetVoxelValueQuantity())


def copyLook(node: Node, source: Node) -> None:
    """Window, level, colours and interpolation of a node's display as those of another one."""
    display, other = node.GetDisplayNode(), source.GetDisplayNode()
    if other is None:
        return
    if other.GetColorNode() is not None:
        display.SetAndObserveColorNodeID(other.GetColorNodeID())
    display.SetInterpolate(other.GetInterpolate())
    display.SetAutoWindowLevel(False)
    display.SetWindowLevelMinMax(other.GetWindowLevelMin(), other.GetWindowLevelMax())


def setWindow(node: Node, low: float, high: float) -> None:
    """Values shown darkest and brightest."""
    display = node.GetDisplayNode()
    display.SetAutoWindowLevel(False)
    display.SetWindowLevelMinMax(low, high)


def _storable(volume: Volume) -> np.ndarray:
    """Physical values (k, j, i) in their stored type wherever VTK has it and draws it right."""
    array = volume.values if volume.is_scaled else volume.array
    if array.dtype.kind == "b":
        return array.astype(np.uint8)
    if array.dtype == np.float16:
        return array.astype(np.float32)
    if array.dtype.kind in "iu" and array.dtype.itemsize == 8 and -_LARGEST_WHOLE <= array.min() and array.max() <= _LARGEST_WHOLE:
        return array.astype(np.float64)  # Slicer draws 64-bit integers wrongly
    return array


def toImage(array: np.ndarray) -> vtk.vtkImageData:
    """A copy of voxels (k, j, i) as VTK's image."""
    image = vtk.vtkImageData()
    image.SetDimensions(array.shape[::-1])
    scalars = numpy_to_vtk(np.ascontiguousarray(array, array.dtype.newbyteorder("=")).reshape(-1), deep=True)
    scalars.SetName("ImageScalars")
    image.GetPointData().SetScalars(scalars)
    return image


# ---- what FusionINN writes on nodes -------------------------------------------------------------------------------------------------


def setRecord(node: Node, **entries: Any) -> None:
    """Attributes `FusionINN.<entry>`: strings as they are, everything else as JSON. None takes an attribute away."""
    for name, value in entries.items():
        if value is None:
            node.RemoveAttribute(PREFIX + name)
        else:
            node.SetAttribute(PREFIX + name, value if isinstance(value, str) else json.dumps(value, separators=(",", ":")))


def clearRecord(node: Node) -> None:
    """Take away all that FusionINN wrote on a node: it may hold something else soon."""
    for name in [name for name in node.GetAttributeNames() if name.startswith(PREFIX)]:
        node.RemoveAttribute(name)


def inputsOf(fusedNode: Node | None) -> tuple[Node | None, Node | None]:
    """The first and second input that a fused node was made from, None where they left the scene."""
    if fusedNode is None:
        return None, None
    return fusedNode.GetNodeReference(PREFIX + "First"), fusedNode.GetNodeReference(PREFIX + "Second")


def recordOf(node: Node, name: str, otherwise: Any = None) -> Any:
    """What `setRecord` wrote as JSON; `otherwise` where there is nothing or it is damaged."""
    try:
        return parsed(node.GetAttribute(PREFIX + name) or "")
    except ValueError:
        return otherwise
