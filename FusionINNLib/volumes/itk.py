"""Volumes that SimpleITK reads: NRRD and MetaImage.

SimpleITK's arrays are (k, j, i) as ours, but its world is LPS: `affine_of` and `to_sitk` negate x and y, the only place where that is done.
"""
# SimpleITK has few types:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from FusionINNLib.errors import GeometryError, InputError
from FusionINNLib.volumes import meta_header, nrrd_header
from FusionINNLib.volumes.itk_voxels import check_voxels_there, reader_of
from FusionINNLib.volumes.volume import SegmentName, Volume, check_affine, check_shape, note_unusual_edges

if TYPE_CHECKING:
    import SimpleITK as sitk

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def affine_of(image: sitk.Image) -> np.ndarray:
    """IJK-to-RAS in mm (4x4) of a three-dimensional SimpleITK image."""
    affine = np.eye(4)
    affine[:3, :3] = np.array(image.GetDirection()).reshape(3, 3) * np.array(image.GetSpacing())
    affine[:3, 3] = image.GetOrigin()
    return LPS_TO_RAS @ affine


def to_sitk(array: np.ndarray, affine: np.ndarray) -> sitk.Image:
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
    image, notes = _read(path, name)
    _check_scalar(image, name)
    slope, intercept = meta_header.scale_factors(meta_header.read_fields(path), name)
    if (slope, intercept) != (1.0, 0.0):
        notes.append(f"scale factors applied (slope {slope:g}, intercept {intercept:g})")
    return replace(_to_volume(image, name, notes), slope=slope, intercept=intercept)


def read_itk_bytes(path: Path, name: str) -> tuple[np.ndarray, np.ndarray, list[str]] | None:
    """Colours (k, j, i, 3 or 4) uint8, affine and notes of a file whose voxels are as many bytes; None for any other."""
    import SimpleITK as sitk

    if reader_of(path) is None:
        return None  # whoever reads it as a scalar volume says why
    reader = _reader(path)
    try:
        with _failures_said(name):
            reader.ReadImageInformation()
    except (InputError, GeometryError):
        return None
    if reader.GetPixelID() != sitk.sitkVectorUInt8 or reader.GetNumberOfComponents() not in (3, 4):
        return None
    image, notes = _read(path, name)
    affine = affine_of(image)
    check_affine(affine, name)
    if "list" in nrrd_header.read_fields(path).get("kinds", "").lower().split():
        notes.append("the header calls the bytes of a voxel a list: taken as red, green and blue")
    return sitk.GetArrayFromImage(image), affine, notes


def read_itk_segmentation(path: Path, name: str) -> Volume:
    """Read labels from one NRRD or MetaImage file; those of 3D Slicer's .seg.nrrd keep their names and colours, from all layers.

    Labels that occur in several layers are counted anew, in the order of the segments. Raises as `read_itk` does.
    """
    import SimpleITK as sitk

    fields = nrrd_header.read_fields(path)
    listed = nrrd_header.segments(fields)
    if nrrd_header.is_fractional(fields):
        raise InputError(f"{name}: the segmentation holds fractions and no labels; save it as a binary labelmap.")
    image, notes = _read(path, name)
    layers = image.GetNumberOfComponentsPerPixel()
    for one in listed:
        if one.layer >= layers:
            raise InputError(f"{name}: the segment {one.named.name} is said to lie in layer {one.layer}, and the file has {layers} (from 0 "
                             "on); save the segmentation again from its source.")
    if layers > 1 and not listed:
        _check_scalar(image, name)
    if layers == 1:
        volume = _to_volume(image, name, notes)
        notes += _of_no_segment(volume.array[..., None], listed)
        return replace(volume, segments={one.label: one.named for one in listed}, notes=tuple(notes))
    array = sitk.GetArrayFromImage(image)
    notes += _of_no_segment(array, listed)
    labels, overlap = np.zeros(array.shape[:3], np.min_scalar_type(max([len(listed), *(one.label for one in listed)]))), 0
    segments: dict[int, SegmentName] = {}
    anew = len({one.label for one in listed}) < len(listed)
    for number, one in enumerate(listed, 1):
        inside = array[..., one.layer] == one.label
        overlap += int(np.count_nonzero(labels[inside]))
        label = number if anew else one.label
        labels[inside], segments[label] = label, one.named
    if overlap:
        notes.append(overlap_note(overlap))
    affine = affine_of(image)
    return Volume(labels, affine, name, notes=tuple(notes), segments=segments)


def _of_no_segment(array: np.ndarray, listed: list[nrrd_header.NrrdSegment]) -> list[str]:
    """A sentence on labels in (k, j, i, layer) that the header lists no segment for; none where it lists none at all."""
    layers = array.shape[3] if listed else 0
    known = {(one.layer, one.label) for one in listed}
    found = [label for layer in range(layers) for label in np.unique(array[..., layer]).tolist() if label and (layer, label) not in known]
    if not found:
        return []
    named = f"label{'s' if len(found) > 1 else ''} {', '.join(f'{label:g}' for label in found[:5])}"
    return [f"the header lists no segment for {named}: {'left out' if layers > 1 else 'kept without a name'}"]


def overlap_note(count: int) -> str:
    """What is said where segments overlap."""
    return f"segments overlap in {count} voxel{'s' if count > 1 else ''}: the later segment counts there"


def _reader(path: Path) -> sitk.ImageFileReader:
    """A reader of what the file is by its content, whatever it is called."""
    import SimpleITK as sitk

    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    reader.SetImageIO(reader_of(path) or "")
    return reader


def _read(path: Path, name: str) -> tuple[sitk.Image, list[str]]:
    """(three-dimensional image with lengths in mm, notes)."""
    notes: list[str] = []
    fields = nrrd_header.read_fields(path)
    if fields:
        nrrd_header.check_readable(fields, name)
    check_voxels_there(path, fields, name, notes)
    reader = _reader(path)
    with _failures_said(name):
        reader.ReadImageInformation()
        _check_frames(reader.GetSize(), name)
        image = reader.Execute()
        check_shape(image.GetSize()[:3], name)
        while image.GetDimension() > 3:
            image = image[tuple(slice(None) for _ in range(image.GetDimension() - 1)) + (0,)]
    factor = _said_of_geometry(path, fields, name, notes)
    if factor != 1:
        image.SetSpacing([factor * edge for edge in image.GetSpacing()])
        image.SetOrigin([factor * x for x in image.GetOrigin()])
    if all(edge > 0 for edge in image.GetSpacing()):
        note_unusual_edges(affine_of(image), f"the header's lengths are taken as {'mm' if factor == 1 else 'it says'}", notes)
    return image, notes


def _said_of_geometry(path: Path, nrrd: dict[str, str], name: str, notes: list[str]) -> float:
    """Factor to mm; what the header leaves open is added to `notes`. nrrd: fields of an NRRD, none of any other file."""
    if nrrd:
        nrrd_header.check_space(nrrd, notes)
        nrrd_header.check_old_range(nrrd, notes)
        return nrrd_header.scale_to_mm(nrrd, name, notes)
    fields = meta_header.read_fields(path)
    meta_header.check_geometry(fields, name, notes)
    return meta_header.scale_to_mm(fields, name, notes)


@contextmanager
def _failures_said(name: str) -> Generator[None]:
    """ITK's errors become one sentence, and its warnings don't reach the terminal meanwhile."""
    import SimpleITK as sitk

    shown = sitk.ProcessObject.GetGlobalWarningDisplay()
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        yield
    except RuntimeError as error:
        text = str(error)
        if "Zero-valued spacing" in text or ("irection" in text and ("determinant" in text or "ortho" in text)):
            raise GeometryError(f"{name}: the affine is singular or sheared; convert the volume again from its source.") from error
        raise InputError(f"{name}: this is not an image that can be read, or it is cut off; copy or export it again.") from error
    finally:
        sitk.ProcessObject.SetGlobalWarningDisplay(shown)


def _check_scalar(image: sitk.Image, name: str) -> None:
    import SimpleITK as sitk

    if image.GetPixelID() in (sitk.sitkComplexFloat32, sitk.sitkComplexFloat64):
        raise InputError(f"{name}: the voxels are complex values; give a volume with one real number per voxel.")
    parts = image.GetNumberOfComponentsPerPixel()
    if parts > 1:
        raise InputError(f"{name}: each voxel holds {parts} values (vector, colour or overlapping segments); "
                         "give a volume with one real number per voxel.")


def _check_frames(size: tuple[int, ...], name: str) -> None:
    frames = int(np.prod(size[3:], dtype=np.int64))
    if frames > 1:
        raise InputError(f"{name}: the file holds {frames} frames; extract the one you want as a three-dimensional volume.")


def _to_volume(image: sitk.Image, name: str, notes: list[str]) -> Volume:
    import SimpleITK as sitk

    affine = affine_of(image)
    check_affine(affine, name)
    return Volume(sitk.GetArrayFromImage(image), affine, name, notes=tuple(notes))
