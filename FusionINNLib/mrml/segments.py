"""Segmentation nodes to labels on a grid and back, with the identity of every segment. Main thread only."""
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import slicer
import slicer.util
import vtk
from scipy.ndimage import find_objects
from vtkmodules.util.numpy_support import vtk_to_numpy

from FusionINNLib.errors import InputError
from FusionINNLib.mrml.nodes import (
    KIND,
    PREFIX,
    Node,
    affineOfNode,
    emptyGrid,
    inputsOf,
    readNode,
    recordOf,
    toImage,
    transformToWorld,
)
from FusionINNLib.results.segments import DEFAULT_COLOR, Drawn, Segment, Segments, on_grid
from FusionINNLib.volumes.volume import Volume, transform_points

_LABELMAP = "Binary labelmap"


def segmentsFromNode(node: Node, reference: Volume, transform: np.ndarray | None = None) -> Segments:
    """A segmentation node (or label map volume node) on the grid of `reference`, by nearest neighbour, with linear parent transforms.

    transform: 4x4 RAS mm, reference to moving, for segments drawn on a volume that was moved; see `segmentsForFusion`.
    Where segments overlap, the later one counts. Segments keep the label values they have where those are distinct, else they are
    numbered from 1. Raises InputError where there is no segment or none can be had as labels, GeometryError for a nonlinear transform.
    """
    return on_grid(_drawn(node, reference, transform), reference)


def segmentsForFusion(node: Node, fusedNode: Node, fused: Volume | None = None) -> Segments:
    """The segments on the grid of a fused image; what was drawn on the moving input moves with it.

    fused: as read by `fusionFromNodes`, where the labels are to lie on that very grid. Raises as `segmentsFromNode`.
    """
    grid = fused if fused is not None else readNode(fusedNode)
    return on_grid(drawnSegments(node, fusedNode, grid), grid)


def drawnSegments(node: Node, fusedNode: Node, grid: Volume) -> Drawn:
    """As `segmentsForFusion`, not yet on the grid of the fused image: `segments.on_grid` does that, in a worker if you like."""
    alignment = recordOf(fusedNode, "Alignment", {})
    moving = inputsOf(fusedNode)[0 if fusedNode.GetAttribute(PREFIX + "Reference") != "first" else 1]
    own = _gridOf(node)
    moved = (alignment.get("mode") == "rigid" and moving is not None and own is not None and not own.same_grid(grid)
             and own.same_grid(emptyGrid(moving.GetImageData().GetDimensions()[::-1], affineOfNode(moving))))
    return _drawn(node, grid, np.array(alignment["reference_to_moving_ras_mm"]) if moved else None)


def segmentationFromLabels(scene, segments: Segments, name: str, node: Node | None = None) -> Node:
    """A segmentation node with these segments, made, or updated if FusionINN made it. Raises InputError for a node of somebody else."""
    if node is not None and node.GetAttribute(KIND) != "segmentation":
        raise InputError(f"{node.GetName()}: this segmentation was not made by FusionINN and is left as it is; choose another output.")
    made: Node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", scene.GenerateUniqueName(name)) if node is None else node
    made.SetAttribute(KIND, "segmentation")
    made.GetSegmentation().RemoveAllSegments()
    made.CreateDefaultDisplayNodes()
    boxes = find_objects(segments.labels.array)
    for one in segments.segments:
        image = _oriented(segments.labels, one.label, boxes[one.label - 1] if one.label <= len(boxes) else None)
        identifier = made.AddSegmentFromBinaryLabelmapRepresentation(image, one.name, list(one.color), one.id)
        made.GetSegmentation().GetSegment(identifier).SetLabelValue(1)
        made.GetSegmentation().GetSegment(identifier).SetTag("FusionINN.Label", str(one.label))
    return made


def drawnFor(node: Node, fixedNode: Node, movingNode: Node) -> tuple[Drawn, bool]:
    """The segments of a node, not yet on the grid of `fixedNode`, and whether they were drawn on that of `movingNode` alone."""
    fixed, moving = (emptyGrid(one.GetImageData().GetDimensions()[::-1], affineOfNode(one)) for one in (fixedNode, movingNode))
    own = _gridOf(node)
    return _drawn(node, fixed, None), own is not None and own.same_grid(moving) and not own.same_grid(fixed)


def tumourCentroidRAS(node: Node) -> tuple[float, float, float]:
    """Centroid of all segments in world RAS mm. Raises InputError for an empty segmentation."""
    masks = [readNode(node)] if node.IsA("vtkMRMLLabelMapVolumeNode") else [mask for mask in _masks(node) if mask is not None]
    points = [transform_points(mask.affine, np.argwhere(mask.array)[:, ::-1].astype(np.float64)) for mask in masks]
    total = sum(len(some) for some in points)
    if total == 0:
        raise InputError(f"{node.GetName()}: the segmentation is empty; draw the tumour first or choose another one.")
    right, anterior, superior = (float(value) for value in sum((some.sum(0) for some in points), np.zeros(3)) / total)
    return right, anterior, superior


def segmentCentroidsRAS(node: Node) -> list[tuple[str, tuple[float, float, float]]]:
    """Name and centroid (world RAS mm) of each segment that has voxels, in their order. Raises InputError where none has."""
    found = []
    for segment, mask in zip(_identities(node), _masks(node)):
        if mask is not None and mask.array.any():
            x, y, z = transform_points(mask.affine, np.argwhere(mask.array)[:, ::-1].astype(np.float64)).mean(0)
            found.append((segment.name, (float(x), float(y), float(z))))
    if not found:
        raise InputError(f"{node.GetName()}: the segmentation is empty; draw the tumour first or choose another one.")
    return found


def _drawn(node: Node, reference: Volume, transform: np.ndarray | None) -> Drawn:
    if node is None:
        raise InputError("No segmentation is chosen: choose one.")
    if node.IsA("vtkMRMLLabelMapVolumeNode"):
        return _fromLabelMap(node, transform)
    if not node.IsA("vtkMRMLSegmentationNode"):
        raise InputError(f"{node.GetName()}: this is no segmentation; choose a segmentation or a label map.")
    identities = _identities(node)
    masks = zip(_masks(node, reference), identities)
    parts = tuple(replace(mask, array=mask.array * np.min_scalar_type(one.label).type(one.label))
                  for mask, one in masks if mask is not None)
    return Drawn(node.GetName(), parts, identities, transform)


def _fromLabelMap(node: Node, transform: np.ndarray | None) -> Drawn:
    labels = readNode(node)
    if labels.array.dtype.kind not in "iu":
        raise InputError(f"{node.GetName()}: the label map holds no whole numbers; choose a segmentation.")
    display = node.GetDisplayNode()
    colors = display.GetColorNode() if display is not None else None
    identities = tuple(Segment(f"Segment_{label}", *_nameAndColor(colors, int(label)), int(label))
                       for label in np.unique(labels.array) if label)
    if not identities:
        raise InputError(f"{node.GetName()}: the label map is empty; choose another one.")
    return Drawn(node.GetName(), (labels,), identities, transform)


def _nameAndColor(colors, label: int) -> tuple[str, tuple[float, float, float]]:
    """From a colour table; red where it says nothing of this label."""
    if colors is None or label >= colors.GetNumberOfColors():
        return f"Segment {label}", DEFAULT_COLOR
    rgba = [0.0] * 4
    colors.GetColor(label, rgba)
    red, green, blue, _ = rgba
    return colors.GetColorName(label) or f"Segment {label}", (red, green, blue)


def _identities(node: Node) -> tuple[Segment, ...]:
    segmentation = node.GetSegmentation()
    segments = [(segmentation.GetNthSegmentID(n), segmentation.GetNthSegment(n)) for n in range(segmentation.GetNumberOfSegments())]
    if not segments:
        raise InputError(f"{node.GetName()}: the segmentation has no segment; draw the tumour first or choose another one.")
    labels = [_label(segment) for _, segment in segments]
    if len(set(labels)) < len(labels) or min(labels) < 1:
        labels = list(range(1, len(labels) + 1))
    return tuple(Segment(identifier, segment.GetName(), tuple(segment.GetColor()), label)
                 for (identifier, segment), label in zip(segments, labels))


def _label(segment) -> int:
    """The number a segment had in the file it came from, else that in Slicer's memory."""
    text = vtk.mutable("")
    if segment.GetTag("FusionINN.Label", text) and str(text).isdecimal():
        return int(str(text))
    return int(segment.GetLabelValue())


def _masks(node: Node, reference: Volume | None = None) -> Iterator[Volume | None]:
    """For each segment its voxels in world RAS, None where it has none. Segments drawn as surfaces are turned into voxels on a copy."""
    toWorld = transformToWorld(node)
    segmentation = node.GetSegmentation()
    if segmentation.GetNumberOfSegments() and not segmentation.ContainsRepresentation(_LABELMAP):
        segmentation = _voxelized(segmentation, reference, toWorld, node.GetName())
    for n in range(segmentation.GetNumberOfSegments()):
        segment = segmentation.GetNthSegment(n)
        image = segment.GetRepresentation(_LABELMAP)
        if image is None or image.IsEmpty():
            yield None
            continue
        extent = image.GetExtent()
        matrix = vtk.vtkMatrix4x4()
        image.GetImageToWorldMatrix(matrix)
        first = np.eye(4)
        first[:3, 3] = extent[::2]
        array = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(image.GetDimensions()[::-1])
        affine = toWorld @ slicer.util.arrayFromVTKMatrix(matrix) @ first
        yield Volume((array == segment.GetLabelValue()).astype(np.uint8), affine, node.GetName())


def _voxelized(segmentation, reference: Volume | None, toWorld: np.ndarray, name: str):
    """A copy of a segmentation with voxels on the grid of `reference`, or on one that the converter chooses."""
    converter = slicer.vtkSegmentationConverter
    copy = slicer.vtkSegmentation()
    copy.DeepCopy(segmentation)
    if reference is not None:
        image = slicer.vtkOrientedImageData()
        image.SetExtent(0, reference.shape[2] - 1, 0, reference.shape[1] - 1, 0, reference.shape[0] - 1)
        matrix = slicer.util.vtkMatrixFromArray(np.linalg.inv(toWorld) @ reference.affine)
        geometry = converter.SerializeImageGeometry(matrix, image)
        copy.SetConversionParameter(converter.GetReferenceImageGeometryParameterName(), geometry)
    if not copy.CreateRepresentation(_LABELMAP):
        raise InputError(f"{name}: the segmentation cannot be turned into voxels; create its binary labelmap in the module Segmentations.")
    return copy


def _gridOf(node: Node) -> Volume | None:
    """The grid a segmentation was drawn on, in world RAS; None where it does not say."""
    if node.IsA("vtkMRMLLabelMapVolumeNode"):
        return readNode(node)
    converter = slicer.vtkSegmentationConverter
    text = node.GetSegmentation().GetConversionParameter(converter.GetReferenceImageGeometryParameterName())
    image = slicer.vtkOrientedImageData()
    if not text or not converter.DeserializeImageGeometry(text, image, False):
        return None
    matrix = vtk.vtkMatrix4x4()
    image.GetImageToWorldMatrix(matrix)
    extent = image.GetExtent()
    shape = tuple(extent[2 * axis + 1] - extent[2 * axis] + 1 for axis in (2, 1, 0))
    return emptyGrid(shape, transformToWorld(node) @ slicer.util.arrayFromVTKMatrix(matrix)) if min(shape) > 0 else None


def _oriented(labels: Volume, label: int, box: tuple[slice, slice, slice] | None):
    """One label as VTK's image, cut to where it is (None: nowhere); its geometry is that of the whole grid."""
    image = slicer.vtkOrientedImageData()
    if box is not None:
        image.ShallowCopy(toImage((labels.array[box] == label).astype(np.uint8)))
        image.SetExtent(*(end for part in box[::-1] for end in (part.start, part.stop - 1)))
    image.SetImageToWorldMatrix(slicer.util.vtkMatrixFromArray(labels.affine))
    return image
