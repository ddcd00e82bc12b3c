"""Diffusion-weighted series: a four-dimensional NIfTI file beside its b-values, or DICOM files that hold them."""
# nibabel has few types:
# pyright: reportUnknownMemberType=false
from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from FusionINNLib.errors import GeometryError, InputError
from FusionINNLib.progress import Progress
from FusionINNLib.volumes import impostors
from FusionINNLib.volumes.dicom import choose_series, find_series, is_dicom, read_stack
from FusionINNLib.volumes.dicom_agreement import check_no_mosaic
from FusionINNLib.volumes.nifti import read_stored, scalar_type, scale_of
from FusionINNLib.volumes.nifti_geometry import affine_mm
from FusionINNLib.volumes.volume import Volume, check_affine, check_shape

if TYPE_CHECKING:
    from nibabel.nifti1 import Nifti1Header

_NIFTI = (".nii", ".nii.gz")


@dataclass(frozen=True)
class Diffusion:
    """first: the first image as a Volume, for grid, name and identity. images: (N, k, j, i) real values. b_values: (N,), s/mm2."""

    first: Volume
    images: np.ndarray
    b_values: np.ndarray


def read_diffusion(path: Path, bval: Path | None = None, series: str | None = None, progress: Progress | None = None) -> Diffusion:
    """Read a series. bval: text file with one number for each image; by itself the one of the same name beside a NIfTI file.

    Raises InputError for what is missing, damaged or no series, GeometryError for a bad grid.
    """
    impostors.check(path)
    if not path.exists():
        raise InputError(f"{path}: there is no such file or folder; check the path.")
    if path.name.lower().endswith(_NIFTI):
        return _of_nifti(path, bval or path.with_name(path.name[:path.name.lower().rindex(".nii")] + ".bval"))
    if path.is_file() and not is_dicom(path):
        raise InputError(f"{path.name}: a diffusion series is read from NIfTI (.nii, .nii.gz) with a .bval file beside it, or from a "
                         "folder of DICOM files; convert it first.")
    if bval is not None:
        raise InputError(f"{path.name}: DICOM files hold their b-values themselves, so {bval.name} would count for nothing: leave "
                         "out --bval.")
    return _of_dicom(path, series, progress or Progress())


def _of_nifti(path: Path, bval: Path) -> Diffusion:
    name, notes = path.name[:path.name.lower().rindex(".nii")], list[str]()
    b_values = _read_bval(bval)
    header, shape, stored = read_stored(path, name, notes, scalar_type, _series_shape)
    slope, intercept = scale_of(header, name)
    affine = affine_mm(header, shape[:3], name, notes)
    check_affine(affine, name)
    images = (stored.astype(np.float64) * slope + intercept).astype(np.float32).reshape(shape[::-1])
    flat = [str(n) for n, image in enumerate(images, 1) if np.unique(image[np.isfinite(image)]).size < 2]
    if flat:
        raise InputError(f"{name}: image {' and '.join(flat[:2])} of the series has the same value everywhere; export the series again.")
    return Diffusion(Volume(images[0], affine, name, notes=tuple(notes), identity={"file": path.name}), images, b_values)


def _series_shape(header: Nifti1Header, name: str) -> tuple[int, ...]:
    """(i, j, k, images)."""
    shape = tuple(int(size) for size in header.get_data_shape())
    if len(shape) != 4:
        raise InputError(f"{name}: the file has {len(shape)} dimensions; give a diffusion series with images along a fourth one.")
    check_shape(shape[:3], name)
    return shape


def _read_bval(path: Path) -> np.ndarray:
    impostors.check(path)
    try:
        return np.array([float(word) for word in path.read_text(encoding="utf-8-sig").replace(",", " ").split()])
    except OSError as error:
        raise InputError(f"{path.name}: the file of b-values can't be read ({error.strerror or error}); give it with --bval.") from error
    except ValueError as error:
        raise InputError(f"{path.name}: this holds something else than b-values; give a text file with a number for each image.") from error


def _of_dicom(path: Path, series: str | None, progress: Progress) -> Diffusion:
    found = [one for one in find_series(path, progress) if not one.files[0].is_segmentation]
    chosen = choose_series(found, series, path.name)
    check_no_mosaic((frame for stack in chosen.stacks for frame in stack.frames), chosen.name)
    b_values = [b for stack in chosen.stacks if isinstance(b := stack.frames[0].traits.get("b-value"), float)]
    if len(b_values) < (images := len(chosen.stacks)):
        which = f"{images - len(b_values)} of its {images} images" if b_values else "the files"
        raise InputError(f"{chosen.name}: {which} hold no b-values; convert the series to NIfTI with a .bval file (dcm2niix does it), "
                         "and give that.")
    if any(len({frame.traits.get("b-value") for frame in stack.frames}) > 1 for stack in chosen.stacks):
        raise InputError(f"{chosen.name}: slices of one volume have different b-values; export the series again from its source.")
    volumes = [read_stack(chosen, stack, progress) for stack in chosen.stacks]
    if not all(one.same_grid(volumes[0]) for one in volumes):
        raise GeometryError(f"{chosen.name}: the images of the series lie on different grids; register them to each other first.")
    images = np.stack([one.values.astype(np.float32) for one in volumes])
    return Diffusion(replace(volumes[0], array=images[0], slope=1.0, intercept=0.0, unit=""), images, np.array(b_values))
