"""Volumes that SimpleITK reads: NRRD, MetaImage, and folders that hold one DICOM series.

SimpleITK's arrays are (k, j, i) as ours, but its world is LPS: `affine_of` and `to_sitk` negate x and y, the only place where that is done.
"""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from FusionINNLib.errors import GeometryError, InputError
from FusionINNLib.volumes.volume import Volume, check_affine, check_shape

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])

UNEVEN_TOLERANCE = 0.05
"""Largest deviation of a DICOM slice from its place in an even stack, as a fraction of the slice distance."""

_TAGS = {"patient_id": "0010|0020", "patient_name": "0010|0010", "study_date": "0008|0020", "study_uid": "0020|000d",
         "modality": "0008|0060"}
_SERIES_DESCRIPTION, _POSITION = "0008|103e", "0020|0032"


def affine_of(image) -> np.ndarray:
    """IJK-to-RAS in mm (4x4) of a three-dimensional SimpleITK image."""
    affine = np.eye(4)
    affine[:3, :3] = np.array(image.GetDirection()).reshape(3, 3) * np.array(image.GetSpacing())
    affine[:3, 3] = image.GetOrigin()
    return LPS_TO_RAS @ affine


def to_sitk(array: np.ndarray, affine: np.ndarray):
    """A SimpleITK image (LPS) of a (k, j, i) array with an IJK-to-RAS affine in mm; the voxels are copied."""
    import SimpleITK as sitk

    image = sitk.GetImageFromArray(array)
    lps = LPS_TO_RAS @ affine
    spacing = np.linalg.norm(lps[:3, :3], axis=0)
    image.SetSpacing(spacing.tolist())
    image.SetDirection((lps[:3, :3] / spacing).ravel().tolist())
    image.SetOrigin(lps[:3, 3].tolist())
    return image


def read_itk(path: Path, name: str) -> Volume:
    """Read one NRRD or MetaImage file. Raises InputError for what is damaged or no scalar volume, GeometryError for a bad affine."""
    import SimpleITK as sitk

    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    with _failures_said(name):
        reader.ReadImageInformation()
        _check_scalar(reader, name)
        _check_frames(reader.GetSize(), name)
        image = reader.Execute()
    return _to_volume(image, name)


def read_dicom(folder: Path) -> Volume:
    """Read the one DICOM series in `folder` (not in folders below it), values rescaled as its tags say.

    Named after its series description, since folders are often named after patients. Raises InputError when there is no series, or
    more than one, or several frames per position; GeometryError for missing, uneven or tilted slices.
    """
    import SimpleITK as sitk

    with _failures_said(folder.name):
        series = sitk.ImageSeriesReader.GetGDCMSeriesIDs(str(folder))
        if not series:
            raise InputError(f"{folder.name}: this folder holds no DICOM series; give the folder that holds the slices themselves.")
        files = {uid: sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder), uid) for uid in series}
        if len(series) > 1:
            held = "; ".join(sorted(_describe(names) for names in files.values()))
            raise InputError(f"{folder.name}: this folder holds {len(series)} series ({held}); put the one you want into its own folder.")
        reader = sitk.ImageSeriesReader()
        reader.SetFileNames(files[series[0]])
        reader.MetaDataDictionaryArrayUpdateOn()
        reader.LoadPrivateTagsOff()
        image = reader.Execute()
    tags = {key: _tag(reader, tag) for key, tag in _TAGS.items()}
    name = _tag(reader, _SERIES_DESCRIPTION).replace("/", " ") or "DICOM series"
    volume = _to_volume(image, name, {key: value for key, value in tags.items() if value})
    _check_slice_positions(reader, len(files[series[0]]), volume)
    return volume


@contextmanager
def _failures_said(name: str) -> Iterator[None]:
    """ITK's errors become one sentence, and its warnings don't reach the terminal meanwhile."""
    import SimpleITK as sitk

    shown = sitk.ProcessObject.GetGlobalWarningDisplay()
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        yield
    except RuntimeError as error:
        text = str(error)
        if "irection" in text and ("determinant" in text or "ortho" in text):
            raise GeometryError(f"{name}: the affine is singular or sheared; convert the volume again from its source.") from error
        raise InputError(f"{name}: this is not an image that can be read, or it is cut off; copy or export it again.") from error
    finally:
        sitk.ProcessObject.SetGlobalWarningDisplay(shown)


def _check_scalar(image, name: str) -> None:
    import SimpleITK as sitk

    if image.GetPixelID() in (sitk.sitkComplexFloat32, sitk.sitkComplexFloat64):
        raise InputError(f"{name}: the voxels are complex values; give a volume with one real number per voxel.")
    parts = image.GetNumberOfComponents() if hasattr(image, "GetNumberOfComponents") else image.GetNumberOfComponentsPerPixel()
    if parts > 1:
        raise InputError(f"{name}: each voxel holds {parts} values (vector, colour or overlapping segments); "
                         "give a volume with one real number per voxel.")


def _check_frames(size: tuple[int, ...], name: str) -> None:
    frames = int(np.prod(size[3:], dtype=np.int64))
    if frames > 1:
        raise InputError(f"{name}: the file holds {frames} frames; extract the one you want as a three-dimensional volume.")


def _to_volume(image, name: str, identity: dict | None = None) -> Volume:
    import SimpleITK as sitk

    _check_scalar(image, name)
    _check_frames(image.GetSize(), name)
    check_shape(image.GetSize()[:3], name)
    while image.GetDimension() > 3:
        image = image[tuple(slice(None) for _ in range(image.GetDimension() - 1)) + (0,)]
    affine = affine_of(image)
    check_affine(affine, name)
    return Volume(sitk.GetArrayFromImage(image), affine, name, identity=identity or {})


def _tag(reader, tag: str) -> str:
    return reader.GetMetaData(0, tag).strip(" \0") if reader.HasMetaDataKey(0, tag) else ""


def _describe(names: tuple[str, ...]) -> str:
    """A series in a few words: what it is called and how many files it has."""
    import SimpleITK as sitk

    reader = sitk.ImageFileReader()
    reader.SetFileName(names[0])
    reader.ReadImageInformation()
    title = reader.GetMetaData(_SERIES_DESCRIPTION).strip() if reader.HasMetaDataKey(_SERIES_DESCRIPTION) else ""
    return f"{title or 'unnamed'}, {len(names)} files"


def _check_slice_positions(reader, count: int, volume: Volume) -> None:
    """ITK stacks slices by count; whether they are evenly stacked, and straight, only the position of each slice tells."""
    if count < 2 or not all(reader.HasMetaDataKey(n, _POSITION) for n in range(count)):
        return
    try:
        positions = np.array([[float(x) for x in reader.GetMetaData(n, _POSITION).split("\\")] for n in range(count)])
    except ValueError as error:
        raise GeometryError(f"{volume.name}: a slice has no valid position; export the series again.") from error
    steps = np.linalg.norm(np.diff(positions, axis=0), axis=1)
    if steps.min() < 1e-4:
        raise InputError(f"{volume.name}: the series holds several frames at one position; export the one you want as its own series.")
    expected = (volume.affine @ np.array([[0, 0, n, 1] for n in range(count)]).T).T[:, :3] * (-1, -1, 1)
    off = np.linalg.norm(positions - expected, axis=1).max()
    if off > UNEVEN_TOLERANCE * float(np.median(steps)):
        raise GeometryError(f"{volume.name}: slices are missing, unevenly spaced or tilted (up to {off:.2g} mm out of place); "
                            "export the complete series, or resample it onto a grid with right angles.")
