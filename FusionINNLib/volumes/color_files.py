"""Colour from files and into files: NIfTI with RGB24 or RGBA32 or vectors of three bytes, NRRD and MetaImage with three or four, PNG."""
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
from FusionINNLib.volumes.io import ITK_ENDINGS, NIFTI_ENDINGS, plain_name, read_volume
from FusionINNLib.volumes.itk import read_itk_bytes
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

    What is stored in colour and has none is a `Volume`. Raises as `read_volume` does; InputError for colours that are not bytes.
    """
    path = Path(path)
    found = _picture(path) if is_picture(path) else _nifti(path) or _itk(path)
    if found is None:
        return read_volume(path, series=series, stack=stack, progress=progress)
    rgb, affine, notes = found
    name = plain_name(path)
    if rgb.ndim == 3 or is_grey(rgb):
        grey, notes = (rgb, notes) if rgb.ndim == 3 else (rgb[..., 0], [*notes, GREY_NOTE])
        return check_voxels(Volume(np.ascontiguousarray(grey), affine, name, notes=tuple(notes)))
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
"""Colours (k, j, i, 3) uint8 or grey (k, j, i), affine, notes."""


def _nifti(path: Path) -> _Found | None:
    """None for what is no NIfTI in colour, or cannot be read at all: `read_volume` says why."""
    if not (path.is_file() and path.name.lower().endswith(NIFTI_ENDINGS)):
        return None
    from nibabel.loadsave import load

    try:
        image: Any = load(path)
        header, shape = image.header, tuple(int(side) for side in image.shape)
        stored = header.get_data_dtype()
        is_vector = stored == np.uint8 and len(shape) == 5 and shape[3] == 1 and shape[4] in (3, 4)
        if stored.names not in (("R", "G", "B"), ("R", "G", "B", "A")) and not is_vector:
            return None
        voxels = np.asarray(image.dataobj)
    except Exception:
        return None
    i, j, k = (*shape, 1)[:3]
    sides = i, j, k
    check_shape(sides, path.name)
    colors = voxels[:, :, :, 0] if is_vector else np.stack([voxels[channel] for channel in "RGB"], -1)
    notes: list[str] = []
    affine = affine_mm(header, sides, path.name, notes)
    return np.ascontiguousarray(colors.reshape(*sides, -1)[..., :3].transpose(2, 1, 0, 3)), affine, notes


def _itk(path: Path) -> _Found | None:
    if not (path.is_file() and path.name.lower().endswith(ITK_ENDINGS)) or path.name.lower().endswith(".seg.nrrd"):
        return None
    found = read_itk_bytes(path, plain_name(path))
    return None if found is None else (found[0][..., :3], *found[1:])


def _picture(path: Path) -> _Found:
    """A slice of (1, j, i)."""
    mode, pixels = read_pixels(path)
    if mode not in ("L", "LA", "RGB", "RGBA", "I;16", "I"):
        raise InputError(f"{path.name}: the picture has one bit a pixel or colours of another kind; save it as 8-bit grey or RGB PNG.")
    if mode in ("LA", "RGBA"):
        if pixels[..., -1].min() < 255:
            raise InputError(f"{path.name}: the picture has transparent pixels, whose colour is open; save it without them.")
        pixels = pixels[..., :-1]
    if mode == "LA":
        pixels = pixels[..., 0]
    return (pixels.astype(np.uint16) if mode == "I" else pixels)[None], _PICTURE_AFFINE.copy(), [PICTURE_NOTE]


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

