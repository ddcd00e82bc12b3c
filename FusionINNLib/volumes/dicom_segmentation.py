"""DICOM segmentation objects to a label volume: binary, fractional and label maps, of any number of segments, with frames left out."""
# pydicom and highdicom have few types:
# pyright: reportUnknownMemberType=false
from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from FusionINNLib.errors import GeometryError, InputError
from FusionINNLib.progress import Progress
from FusionINNLib.volumes.dicom import Series, choose_series, find_series, read_stack
from FusionINNLib.volumes.dicom_frames import DicomFile
from FusionINNLib.volumes.dicom_pixels import stored_planes
from FusionINNLib.volumes.dicom_places import where
from FusionINNLib.volumes.dicom_sparse import Grid, Sparse, sparse_grid
from FusionINNLib.volumes.dicom_stacks import geometry
from FusionINNLib.volumes.itk import overlap_note
from FusionINNLib.volumes.volume import Identity, SegmentName, Volume, check_affine, check_shape

if TYPE_CHECKING:
    from pydicom import Dataset

INSIDE = 0.5
"""A fraction or probability from which a voxel belongs to its segment."""


def read_dicom_segmentation(path: Path, series: str | None = None, progress: Progress | None = None,
                            outlined: Sequence[Volume] = ()) -> Volume:
    """Labels (k, j, i) of the DICOM segmentation in a folder, or of one file; segments keep number, name and colour.

    A folder without a segmentation object is read as an image, whose values are to be labels. outlined: volumes on one of whose grids it
    may lie, which tell how far apart slices are where the file does not; so do series beside it. Raises as `read_dicom` does.
    """
    progress = progress or Progress()
    found = find_series(path, progress)
    segmentations = [one for one in found if one.files[0].is_segmentation]
    chosen = choose_series(segmentations or found, series, path.name)
    if not segmentations:
        if len(chosen.stacks) != 1:
            raise InputError(f"{chosen.name}: the series holds {len(chosen.stacks)} stacks of slices; give a label volume.")
        return read_stack(chosen, chosen.stacks[0], progress)
    if (count := len(chosen.files)) > 1:
        raise InputError(f"{chosen.name}: the series holds {count} segmentation files; put the one you want into its own "
                         "folder.")
    file = chosen.files[0]
    header = _header(file.path)

    def known() -> Iterator[Grid]:
        yield from _grids_beside(file, header.outlined, found if path.is_dir() else _beside(path, progress))
        yield from (Grid(volume.affine, volume.shape) for volume in outlined)

    return _read(chosen, header, sparse_grid(list(file.frames), chosen.name, known), progress)


# ---- which grid ------------------------------------------------------------------------------------------------------------------


def _beside(file: Path, progress: Progress) -> list[Series]:
    """Series in the folder of a file. One that can't be used says nothing on the file."""
    try:
        return find_series(file.parent, progress)
    except (InputError, OSError):
        return []


def _grids_beside(file: DicomFile, outlined: str, found: list[Series]) -> Iterator[Grid]:
    """Grids of the series that was outlined, or else of all that share the frame of reference of the segmentation."""
    images = [one for one in found if not one.files[0].is_segmentation]
    named = [one for one in images if outlined and one.files[0].series == outlined]
    for one in named or [one for one in images if file.reference and one.files[0].reference == file.reference]:
        for stack in one.stacks:
            try:
                frames, affine = geometry(stack, one.name)
            except (InputError, GeometryError):
                continue
            yield Grid(affine, (len(frames), *frames[0].size))


# ---- what the file holds ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Header:
    """kind: BINARY, FRACTIONAL or LABELMAP. most: the number that stands for 1 of fractions. background: of a label map. segments: by
    number. outlined: UID of the series."""

    kind: str
    most: float
    background: int
    segments: dict[int, SegmentName]
    outlined: str


def _header(path: Path) -> _Header:
    import pydicom

    try:
        header = pydicom.dcmread(path, stop_before_pixels=True, force=True)
        segments = {int(one.SegmentNumber): _named(one) for one in header.get("SegmentSequence") or ()}
        references = header.get("ReferencedSeriesSequence") or ()
        return _Header(str(header.get("SegmentationType") or "BINARY"), float(header.get("MaximumFractionalValue") or 255),
                       int(header.get("PixelPaddingValue") or 0), segments,
                       str(references[0].get("SeriesInstanceUID", "")) if len(references) == 1 else "")
    except Exception as error:  # whatever pydicom meets in a damaged file
        raise InputError(f"{path.name}: what this segmentation says of its segments is damaged; export it again, or save it as NIfTI or "
                         ".seg.nrrd.") from error


def _named(description: Dataset) -> SegmentName:
    import highdicom

    name = str(description.get("SegmentLabel") or f"segment {description.SegmentNumber}")
    value = description.get("RecommendedDisplayCIELabValue")
    if value is None or len(value) != 3:
        return SegmentName(name)
    red, green, blue = highdicom.color.CIELabColor.from_dicom_value(tuple(int(x) for x in value)).to_rgb()
    return SegmentName(name, (red / 255, green / 255, blue / 255))


def _read(series: Series, header: _Header, grid: Sparse, progress: Progress) -> Volume:
    file, name = series.files[0], series.name
    frames = list(file.frames)
    shape = (grid.count, *frames[0].size)
    check_affine(grid.affine, name)
    check_shape(shape, name)
    only = next(iter(header.segments)) if len(header.segments) == 1 else None
    numbers = [0 if header.kind == "LABELMAP" else int(float(str(frame.traits.get("segment", only or 0)))) for frame in frames]
    if header.kind != "LABELMAP" and (missing := next((n for n, number in enumerate(numbers) if number < 1), None)) is not None:
        raise InputError(f"{name}: {where(frames[missing])} does not say which segment it shows; export the segmentation again, or save it "
                         "as NIfTI or .seg.nrrd.")
    if len(set(zip(numbers, grid.slices))) < len(frames):
        raise InputError(f"{name}: several frames show one segment at one position, as of several time points; save the one you want as "
                         "NIfTI or .seg.nrrd.")
    planes = stored_planes(frames, lambda done: progress.step("reading slices", done, len(frames)))
    notes = list(grid.notes)
    if header.kind == "LABELMAP":
        labels = np.full(shape, header.background, planes[0].dtype)
        for plane, k in zip(planes, grid.slices):
            labels[k] = plane
        labels[labels == header.background] = 0
    else:
        masks = [plane / header.most >= INSIDE if header.kind == "FRACTIONAL" else plane > 0 for plane in planes]
        labels, overlap = _combined(masks, numbers, grid.slices, shape)
        notes += [overlap_note(overlap)] if overlap else []
        notes += [f"fractions of at least {INSIDE:g} taken as inside"] if header.kind == "FRACTIONAL" else []
    identity: Identity = {**file.tags, "files": (file.path,)}
    segments = {number: segment for number, segment in header.segments.items() if number > 0}
    return Volume(labels, grid.affine, name, identity=identity, notes=tuple(notes), segments=segments)


def _combined(masks: list[np.ndarray], numbers: list[int], slices: list[int], shape: tuple[int, ...]) -> tuple[np.ndarray, int]:
    """(labels (k, j, i), voxels in which segments overlap) of planes of segments; where they overlap, the higher number counts."""
    labels = np.zeros(shape, np.min_scalar_type(max(numbers)))
    overlap = 0
    for n in sorted(range(len(masks)), key=lambda n: numbers[n]):
        inside = masks[n]
        overlap += int(np.count_nonzero(labels[slices[n]][inside]))
        labels[slices[n]][inside] = numbers[n]
    return labels, overlap
