"""DICOM segmentation objects to a label volume: binary, fractional and label maps, of any number of segments, with frames left out."""
# highdicom has few types:
# pyright: reportUnknownMemberType=false
from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from FusionINNLib.errors import GeometryError, InputError, in_brief
from FusionINNLib.progress import Progress
from FusionINNLib.volumes.dicom import Series, choose_series, find_series, read_stack
from FusionINNLib.volumes.itk import LPS_TO_RAS, overlap_note
from FusionINNLib.volumes.volume import Identity, SegmentName, Volume

if TYPE_CHECKING:
    from highdicom.seg import SegmentDescription

INSIDE = 0.5
"""A fraction or probability from which a voxel belongs to its segment."""


def read_dicom_segmentation(path: Path, series: str | None = None, progress: Progress | None = None) -> Volume:
    """Labels (k, j, i) of the DICOM segmentation in a folder, or of one file; segments keep number, name and colour.

    A folder without a segmentation object is read as an image, whose values are to be labels. Raises as `read_dicom` does.
    """
    progress = progress or Progress()
    found = find_series(path, progress)
    segmentations = [one for one in found if one.files[0].is_segmentation]
    chosen = choose_series(segmentations or found, series, path.name)
    if not segmentations:
        if len(chosen.stacks) != 1:
            raise InputError(f"{chosen.name}: the series holds {len(chosen.stacks)} stacks of slices; give a label volume.")
        return read_stack(chosen, chosen.stacks[0], progress)
    if len(chosen.files) > 1:
        raise InputError(f"{chosen.name}: the series holds {len(chosen.files)} segmentation files; put the one you want into its own "
                         "folder.")
    return _read(chosen)


def _read(series: Series) -> Volume:
    import highdicom

    file, name = series.files[0], series.name
    try:
        segmentation = highdicom.seg.segread(file.path)
        is_map = segmentation.segmentation_type == highdicom.seg.SegmentationTypeValues.LABELMAP
        stack = segmentation.get_volume(combine_segments=is_map, rescale_fractional=True)
    except MemoryError:
        raise
    except Exception as error:  # highdicom and pydicom have many
        raise GeometryError(f"{name}: the segmentation can't be put on an even grid ({in_brief(error)}); export it again, or save it as "
                            "NIfTI or .seg.nrrd.") from error
    numbers = [int(number) for number in segmentation.segment_numbers]
    labels, overlap = (stack.array, 0) if is_map else _combined(np.moveaxis(stack.array, 3, 0), numbers)
    notes = [overlap_note(overlap)] if overlap else []
    fractional = segmentation.segmentation_type == highdicom.seg.SegmentationTypeValues.FRACTIONAL
    if fractional:
        notes.append(f"fractions of at least {INSIDE:g} taken as inside")
    segments = {number: _named(segmentation.get_segment_description(number)) for number in numbers}
    identity: Identity = {**file.tags, "files": (file.path,)}
    affine = LPS_TO_RAS @ stack.affine[:, [2, 1, 0, 3]]  # theirs acts on (k, j, i)
    if np.linalg.det(affine[:3, :3]) < 0:  # slices in the order that those of the series have, see `dicom_stacks.geometry`
        labels, last = labels[::-1], len(labels) - 1
        affine = affine @ np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, -1, last], [0, 0, 0, 1]])
    return Volume(np.ascontiguousarray(labels), affine, name, identity=identity, notes=tuple(notes), segments=segments)


def _combined(masks: np.ndarray, numbers: list[int]) -> tuple[np.ndarray, int]:
    """(labels, voxels in which segments overlap) of masks (N, k, j, i), one for each number; there the later one counts."""
    labels = np.zeros(masks[0].shape, np.min_scalar_type(max(numbers)))
    overlap = 0
    for mask, number in zip(masks, numbers):
        inside = mask >= INSIDE
        overlap += int(np.count_nonzero(labels[inside]))
        labels[inside] = number
    return labels, overlap


def _named(description: SegmentDescription) -> SegmentName:
    import highdicom

    value = description.get("RecommendedDisplayCIELabValue")
    if value is None:
        return SegmentName(str(description.segment_label))
    red, green, blue = highdicom.color.CIELabColor.from_dicom_value(tuple(int(x) for x in value)).to_rgb()
    return SegmentName(str(description.segment_label), (red / 255, green / 255, blue / 255))
