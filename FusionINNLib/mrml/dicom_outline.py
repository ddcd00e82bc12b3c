"""A suggested outline as a DICOM Segmentation of the series on whose grid it lies. Main thread only."""
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import vtk

from FusionINNLib.errors import InputError
from FusionINNLib.mrml.nodes import PREFIX, Node, affineOfNode, checksumOfVoxels, emptyGrid
from FusionINNLib.mrml.segments import segmentsFromNode
from FusionINNLib.mrml.tasks import Task
from FusionINNLib.outlining.records import Origin
from FusionINNLib.results.segments import Segments
from FusionINNLib.steps import in_one_step
from FusionINNLib.volumes.suggested import is_suggested_name
from FusionINNLib.volumes.volume import Volume

REFERENCE_VOLUME = "referenceImageGeometryRef"
"""As a segmentation node calls the volume that it was drawn on."""
_INSTANCES = "DICOM.instanceUIDs"
_MODEL, _WEIGHTS, _VOXELS = PREFIX + "Model", PREFIX + "Weights", PREFIX + "VoxelsSHA256"


def dicomOutlineTask(labels: Volume, origin: Origin, path: Path, *, headers: Sequence[Any] = (), files: Sequence[Path] = ()) -> Task:
    """Write a suggested outline (1 inside) as a DICOM Segmentation; gives the path. headers: of the series on whose grid it lies, or its
    files. It names the patient and the study of that series, as every DICOM object does."""
    read = {"labels": labels, "origin": origin, "path": path, "headers": tuple(headers), "files": tuple(files)}
    return Task("dicom_outline", in_one_step(lambda: read), in_one_step(Path))


def markOrigin(node: Node, segments: Segments, origin: Origin) -> None:
    """Have the segments of a suggestion say which network made them, and what they were then."""
    for one in segments.segments:
        segment = node.GetSegmentation().GetSegment(one.id)
        for tag, value in ((_MODEL, origin.model), (_WEIGHTS, origin.weights), (_VOXELS, _checksum(segments.labels.array == one.label))):
            segment.SetTag(tag, value)


def referenceOf(node: Node) -> Node | None:
    """The volume that a segmentation was drawn on; None where it is gone."""
    return node.GetNodeReference(REFERENCE_VOLUME)


def instancesOf(volumeNode: Node) -> list[str]:
    """The DICOM instances that Slicer loaded a volume from; none where it was loaded from something else."""
    return str(volumeNode.GetAttribute(_INSTANCES) or "").split()


def suggestedOutline(node: Node) -> tuple[Volume, Origin]:
    """The segments of a node that are still called SUGGESTED, 1 inside, on the grid of the volume that they were suggested on; and who made
    them. Raises InputError where the node does not say."""
    reference = referenceOf(node)
    if reference is None or reference.GetImageData() is None:
        raise InputError(f"{node.GetName()}: the volume that it was suggested on is no longer in the scene; have it suggested again.")
    grid = emptyGrid(reference.GetImageData().GetDimensions()[::-1], affineOfNode(reference))
    found = segmentsFromNode(node, grid)
    suggested = [one for one in found.segments if is_suggested_name(one.name)]
    tags = [[_tag(node, one.id, name) for name in (_MODEL, _WEIGHTS, _VOXELS)] for one in suggested]
    if not tags or not all(tags[0]):
        raise InputError(f"{node.GetName()}: it does not say which network suggested it; have it suggested again.")
    edited = len(suggested) > 1 or _checksum(found.labels.array == suggested[0].label) != tags[0][2]
    inside = np.isin(found.labels.array, [one.label for one in suggested]).astype(np.uint8)
    return Volume(inside, grid.affine, reference.GetName()), Origin(tags[0][0], tags[0][1], edited)


def filesOf(volumeNode: Node, fileOf: Callable[[str], str]) -> list[Path]:
    """The DICOM files that a volume was loaded from. fileOf: the file of an instance, "" for none, as Slicer's DICOM database knows it.
    Raises InputError where one of them is gone."""
    files = [Path(fileOf(instance) or "") for instance in instancesOf(volumeNode)]
    if not files or not all(file.is_file() for file in files):
        raise InputError(f"{volumeNode.GetName()}: its DICOM files are not where Slicer's DICOM database has them; import them again.")
    return files


def _checksum(inside: np.ndarray) -> str:
    return checksumOfVoxels(inside.astype(np.uint8))


def _tag(node: Node, segment: str, name: str) -> str:
    text = vtk.mutable("")
    return str(text) if node.GetSegmentation().GetSegment(segment).GetTag(name, text) else ""
