"""A suggested outline as a DICOM Segmentation of the series on whose grid it lies: same patient, study and frame of reference.

Written by highdicom for what DICOM PS3.3 asks (A.51). Each frame refers to the slice that it lies on; slices without a lesion have frames
too, so that the grid is that of the series wherever the file is opened.
"""
from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from FusionINNLib import __version__
from FusionINNLib.atomic import replacing
from FusionINNLib.errors import InputError, in_brief
from FusionINNLib.outlining.records import Origin
from FusionINNLib.volumes.dicom import headers_of
from FusionINNLib.volumes.dicom_frames import read_header
from FusionINNLib.volumes.dicom_stacks import geometry, split
from FusionINNLib.volumes.itk import LPS_TO_RAS
from FusionINNLib.volumes.suggested import COLOR, DESCRIPTION, NAME
from FusionINNLib.volumes.volume import Volume

if TYPE_CHECKING:
    from highdicom.seg import Segmentation
    from pydicom import Dataset

_UNTOUCHED = "SUGGESTED by a network, not a person. Research use only."
_EDITED = "SUGGESTED by a network, edited by a person. Research use only."  # at most 64 letters
_FAR = 0.02  # voxels; decimal strings are rounded
_NUMBER = 9101  # of the series, beyond those of scanners and of exported results
_MAY_BE_MISSING = ("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID", "StudyDate", "StudyTime",
                   "ReferringPhysicianName")
"""What a DICOM object has even where it is empty; programs that make files anonymous take it away all the same."""


def source_headers(volume: Volume) -> tuple[Dataset, ...]:
    """The headers of the DICOM files that a volume was read from.

    Raises InputError where it was not, or where nothing can refer to them, by a trial: better now than after the network's work.
    """
    files: tuple[Path, ...] = volume.identity.get("files", ())
    if not files:
        raise InputError(f"{volume.name}: this is no DICOM series that a DICOM segmentation could refer to; give the folder of the series "
                         "on whose grid the outline lies (see --reference), or leave out --dicom-seg.")
    return prepared(headers_of(files), volume)


def prepared(given: Sequence[Dataset], volume: Volume) -> tuple[Dataset, ...]:
    """Headers of the series that a volume was read from, these very ones, completed for a segmentation on its grid. Raises InputError where
    nothing can refer to them, by a trial."""
    headers = tuple(given)
    frames = {str(header.get("FrameOfReferenceUID") or "") for header in headers} - {""}
    if len(frames) != 1:
        raise InputError(f"{volume.name}: the series does not say one frame of reference for all slices, which a DICOM segmentation needs; "
                         "export it again from its source.")
    for header in headers:
        header.FrameOfReferenceUID = next(iter(frames))
        for word in _MAY_BE_MISSING:
            if word not in header:
                setattr(header, word, "")
        if "ImageOrientationPatient" in header:  # the reader took them for parallel; other last digits would be refused here
            header.ImageOrientationPatient = headers[0].ImageOrientationPatient
        _say_thickness(header, volume)
    _made(np.zeros(volume.shape, np.uint8), volume, headers, None)
    return headers


def _say_thickness(header: Dataset, volume: Volume) -> None:
    """Without a thickness of slices nothing reads the segmentation; where the series has none, the distance of slices stands in."""
    shared = header.get("SharedFunctionalGroupsSequence")
    measures = [header] if not shared else shared[0].get("PixelMeasuresSequence", ())
    for one in measures:
        if not one.get("SliceThickness"):
            one.SliceThickness = f"{volume.spacing_ijk_mm[2]:.10g}"


def on_series(labels: Volume, files: Sequence[Path]) -> Volume:
    """Labels on the grid that this program reads from the DICOM files of one volume. Another program may count its slices, rows or columns
    from their other ends; no voxel is changed. Raises InputError where the labels lie elsewhere, GeometryError as `read_dicom`."""
    read = [file for file in map(read_header, files) if file is not None]
    stacks = split(frame for file in read for frame in file.frames)
    if len(stacks) != 1:
        raise InputError(f"{labels.name}: its DICOM files are of {len(stacks)} volumes and not of one; load the series again.")
    frames, affine = geometry(stacks[0], labels.name)
    between = np.linalg.inv(affine) @ labels.affine  # (i, j, k) of the labels to that of the series
    axes = np.rint(between[:3, :3])
    order = [int(np.argmax(np.abs(row))) for row in axes]
    array = labels.array.transpose(2, 1, 0)
    corners = np.array(list(product(*((0, size - 1) for size in array.shape))))
    there = corners @ between[:3, :3].T + between[:3, 3]
    shape = (*frames[0].size[::-1], len(frames))
    if sorted(order) == [0, 1, 2]:
        turned = array.transpose(order)
        expected = {tuple(corner) for corner in product(*((0, size - 1) for size in shape))}
        if turned.shape == shape and np.abs(there - np.rint(there)).max() < _FAR and {*map(tuple, np.rint(there).astype(int))} == expected:
            turned = np.flip(turned, tuple(axis for axis in range(3) if axes[axis, order[axis]] < 0))
            return replace(labels, array=np.ascontiguousarray(turned.transpose(2, 1, 0)), affine=affine)
    raise InputError(f"{labels.name}: its voxels no longer lie where its DICOM files say; take it out of its transform, or load the series "
                     "again, and have the outline suggested anew.")


def write_dicom_segmentation(labels: Volume, origin: Origin, headers: tuple[Dataset, ...], path: Path) -> None:
    """Write a suggestion, 1 inside, whole or not at all. headers: see `source_headers`. Raises InputError, OSError."""
    made = _made(labels.array, labels, headers, origin)
    with replacing(path) as file:
        made.save_as(file, enforce_file_format=True)


def _made(array: np.ndarray, grid: Volume, headers: tuple[Dataset, ...], origin: Origin | None) -> Segmentation:
    import highdicom
    from pydicom.uid import generate_uid

    lps = LPS_TO_RAS @ grid.affine[:, [2, 1, 0, 3]]  # theirs acts on (k, j, i)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on how the names of patients are written
            volume = highdicom.Volume(array, lps, "PATIENT", headers[0].FrameOfReferenceUID)
            made = highdicom.seg.Segmentation(
                headers, volume, "BINARY", [_segment(origin)], generate_uid(), _NUMBER, generate_uid(), 1, "FusionINN", "FusionINN",
                __version__, origin.weights if origin is not None else "trial", omit_empty_frames=False, content_label="SUGGESTED",
                content_description=_EDITED if origin is not None and origin.edited else _UNTOUCHED,
                series_description=f"FusionINN {NAME}, research use only")
            made.get_volume()  # what was written can be read
    except MemoryError:
        raise
    except Exception as error:  # highdicom and pydicom have many
        raise InputError(f"{grid.name}: no DICOM segmentation can refer to this series ({in_brief(error)}); export it again from its "
                         "source.") from error
    return made


def _segment(origin: Origin | None):
    import highdicom
    from pydicom.sr.codedict import codes

    parameters = {"model": origin.model, "weights": origin.weights} if origin is not None else None
    edited = origin is not None and origin.edited
    algorithm = highdicom.AlgorithmIdentificationSequence("FusionINN suggested outline", codes.DCM.ArtificialIntelligence, __version__,
                                                          "FusionINN", parameters)
    described = highdicom.seg.SegmentDescription(
        1, NAME, codes.SCT.MorphologicallyAbnormalStructure, codes.SCT.Lesion, "SEMIAUTOMATIC" if edited else "AUTOMATIC", algorithm,
        anatomic_regions=[codes.SCT.Brain],
        display_color=highdicom.color.CIELabColor.from_rgb(*(round(255 * part) for part in COLOR)))
    described.SegmentDescription = f"FusionINN: {_EDITED}" if edited else DESCRIPTION
    return described
