"""Colour from files and into files: NIfTI with RGB24 or RGBA32 or vectors of three bytes, NRRD and MetaImage with three or four, PNG,
DICOM."""
# nibabel and SimpleITK have few types:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from FusionINNLib.atomic import replacing
from FusionINNLib.errors import InputError, ResultError
from FusionINNLib.progress import Progress
from FusionINNLib.volumes.color import ColorVolume, is_grey, split
from FusionINNLib.volumes.dicom import ColorsError
from FusionINNLib.volumes.dicom_color import read_colors
from FusionINNLib.volumes.io import ITK_ENDINGS, NIFTI_ENDINGS, plain_name, read_volume, with_names
from FusionINNLib.volumes.itk import read_itk_bytes
from FusionINNLib.volumes.nifti import opened, read_header, read_stored
from FusionINNLib.volumes.nifti_geometry import affine_mm
from FusionINNLib.volumes.packing import packed
from FusionINNLib.volumes.png import is_picture, read_pixels
from FusionINNLib.volumes.volume import Volume, check_shape, check_voxels

RGB24 = np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")])
GREY_NOTE = "stored in colour without having any: read as grey"
PICTURE_NOTE = "a picture has no place in the patient: pixels are taken as 1 mm, the left side of the picture as the patient's right"
_PICTURE_AFFINE = np.diag([-1.0, -1.0, 1.0, 1.0])


def read_scan(path: str | os.PathLike[str], *, series: str | None = None, stack: str | None = None,
              progress: Progress | None = None) -> Volume | ColorVolume:
    """What `read_volume` reads, and besides that volumes in colour and PNG pictures, as volumes of one slice.

    A picture or DICOM series that is stored in colour and has none is a `Volume`. Raises as `read_volume` does, for colours that are not
    bytes and for other volumes of colours that are all grey too.
    """
    path = Path(path)
    if is_picture(path):
        return _picture(path)
    found = _nifti(path) or _itk(path)
    if found is None or is_grey(found[0]):
        try:
            return read_volume(path, series=series, stack=stack, progress=progress)
        except ColorsError as colors:
            return _of_dicom(path, colors, progress or Progress())
    return _colored(*found, plain_name(path))


def _colored(rgb: np.ndarray, affine: np.ndarray, notes: list[str], name: str) -> ColorVolume:
    luminance, chroma = split(rgb)
    return ColorVolume(check_voxels(Volume(luminance, affine, name, notes=tuple(notes))), chroma)


def write_rgb(rgb: np.ndarray, affine: np.ndarray, path: Path, description: str) -> None:
    """Write (k, j, i, 3) uint8 as NIfTI with RGB24 voxels, which Slicer, ITK and nibabel read."""
    _write(np.ascontiguousarray(rgb.transpose(2, 1, 0, 3)).view(RGB24)[..., 0], affine, path, description)


def write_chroma(chroma: np.ndarray, affine: np.ndarray, path: Path) -> None:
    """Write chroma (k, j, i, 3) as NIfTI whose voxels are vectors of three int16."""
    _write(np.ascontiguousarray(chroma.transpose(2, 1, 0, 3))[:, :, :, None], affine, path, "FusionINN chroma: RGB minus luminance")


def read_chroma(path: Path, shape: Sequence[int]) -> np.ndarray:
    """What `write_chroma` wrote of a volume of this shape (k, j, i). Raises ResultError for anything else."""
    from nibabel.loadsave import load

    try:
        image: Any = load(path)
        stored = np.asarray(image.dataobj)
        if stored.shape != (*shape[::-1], 1, 3) or stored.dtype != np.int16:
            raise ValueError("another shape or type")
    except Exception as problem:  # nibabel raises half a dozen kinds
        raise ResultError(f"{path.name} is not the chroma of this fusion: put the right file back, or fuse the sources again.") from problem
    return np.ascontiguousarray(stored[:, :, :, 0].transpose(2, 1, 0, 3))


_Found = tuple[np.ndarray, np.ndarray, "list[str]"]
"""Colours (k, j, i, 3) uint8, affine, notes."""


def _nifti(path: Path) -> _Found | None:
    """None for what is no NIfTI in colour, or cannot be read at all: `read_volume` says why."""
    if not (path.is_file() and path.name.lower().endswith(NIFTI_ENDINGS)):
        return None
    name, notes, vectors = plain_name(path), list[str](), False
    try:
        with opened(path, name) as file:
            header = read_header(file, name)
        stored, vectors = header.get_data_dtype(), _is_vector(header)
    except Exception:  # nibabel raises half a dozen kinds
        return None
    if stored.names not in (("R", "G", "B"), ("R", "G", "B", "A")) and not vectors:
        return None
    parts = int(header["dim"][5]) if vectors else stored.itemsize
    voxel = np.dtype((np.void, parts))
    header, (i, j, k), voxels = read_stored(path, name, notes, lambda _header, _name: voxel, _sides if vectors else None)
    bytes_ = voxels.view(np.uint8)  # vectors lie channel after channel, colours voxel after voxel
    colors = np.moveaxis(bytes_.reshape(parts, k, j, i), 0, -1) if vectors else bytes_.reshape(k, j, i, parts)
    return np.ascontiguousarray(colors[..., :3]), affine_mm(header, (i, j, k), name, notes), notes


def _is_vector(header: Any) -> bool:
    shape = header.get_data_shape()
    return header.get_data_dtype() == np.uint8 and len(shape) == 5 and shape[3] == 1 and shape[4] in (3, 4)


def _sides(header: Any, name: str) -> tuple[int, int, int]:
    """(i, j, k) of a volume of vectors."""
    i, j, k = (int(side) for side in header.get_data_shape()[:3])
    check_shape((i, j, k), name)
    return i, j, k


def _itk(path: Path) -> _Found | None:
    if not (path.is_file() and path.name.lower().endswith(ITK_ENDINGS)) or path.name.lower().endswith(".seg.nrrd"):
        return None
    found = read_itk_bytes(path, plain_name(path))
    return None if found is None else (found[0][..., :3], *found[1:])


def _of_dicom(path: Path, found: ColorsError, progress: Progress) -> Volume | ColorVolume:
    rgb, affine, name, identity, notes = read_colors(found, progress)
    grey = is_grey(rgb)
    luminance, chroma = split(rgb)
    volume = Volume(luminance, affine, name, identity=identity, notes=(*notes, *([GREY_NOTE] if grey else ())))
    volume = check_voxels(with_names(volume, path))
    return volume if grey else ColorVolume(volume, chroma)


def _picture(path: Path) -> Volume | ColorVolume:
    """A volume of one slice."""
    mode, pixels = read_pixels(path)
    if mode not in ("L", "LA", "RGB", "RGBA", "I;16", "I"):
        raise InputError(f"{path.name}: the picture has one bit a pixel or colours of another kind; save it as 8-bit grey or RGB PNG.")
    if mode in ("LA", "RGBA"):
        if pixels[..., -1].min() < 255:
            raise InputError(f"{path.name}: the picture has transparent pixels, whose colour is open; save it without them.")
        pixels = pixels[..., :-1]
    notes, name = [PICTURE_NOTE], plain_name(path)
    if pixels.ndim == 3 and not is_grey(pixels):
        return _colored(pixels[None], _PICTURE_AFFINE.copy(), notes, name)
    if mode in ("RGB", "RGBA"):
        notes.append(GREY_NOTE)
    grey = np.ascontiguousarray((pixels[..., 0] if pixels.ndim == 3 else pixels)[None])
    return check_voxels(Volume(grey.astype(np.uint16) if mode == "I" else grey, _PICTURE_AFFINE.copy(), name, notes=tuple(notes)))


def _write(voxels: np.ndarray, affine: np.ndarray, path: Path, description: str) -> None:
    """(i, j, k, ...) whole or not at all."""
    from nibabel.nifti1 import Nifti1Image

    image: Any = Nifti1Image(voxels, affine)
    image.header.set_xyzt_units("mm")
    image.header["descrip"] = description.encode("ascii", "replace")[:79]
    image.set_qform(affine, code=1)
    image.set_sform(affine, code=1)
    try:
        with replacing(path) as file, packed(file) as inside:
            inside.write(image.to_bytes())
    except OSError as problem:
        raise ResultError(f"{path.name} can't be written ({problem.strerror or problem}); free space or choose another "
                          "folder.") from problem

