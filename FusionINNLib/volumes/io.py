"""Files and folders to volumes: which reader, what is refused, and checksums. `write_nifti` and its relatives come from
`volumes/nifti.py`."""
from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from FusionINNLib.errors import InputError
from FusionINNLib.progress import Progress
from FusionINNLib.volumes import impostors
from FusionINNLib.volumes.candidates import volume_in
from FusionINNLib.volumes.dicom import files_in, is_dicom, read_dicom
from FusionINNLib.volumes.dicom_segmentation import read_dicom_segmentation
from FusionINNLib.volumes.freesurfer import ENDINGS as MGH_ENDINGS
from FusionINNLib.volumes.freesurfer import read_mgh
from FusionINNLib.volumes.itk import read_itk, read_itk_segmentation
from FusionINNLib.volumes.nifti import files_of, has_scale_factors, read_extension, read_nifti, write_nifti
from FusionINNLib.volumes.png import check_no_picture
from FusionINNLib.volumes.suggested import NOTE as SUGGESTED_NOTE
from FusionINNLib.volumes.suggested import is_suggested, named_where_suggested
from FusionINNLib.volumes.volume import Identity, Volume, check_voxels

__all__ = ["read_volume", "read_segmentation", "read_mask", "write_nifti", "read_extension", "has_scale_factors", "sha256",
           "sha256_of_files", "plain_name"]

NIFTI_ENDINGS = (".nii.gz", ".nii")
PAIR_ENDINGS = (".hdr", ".img", ".hdr.gz", ".img.gz")
ITK_ENDINGS = (".seg.nrrd", ".nrrd", ".nhdr", ".mha", ".mhd")
_FORMATS = "NIfTI (.nii, .nii.gz), NRRD, MHA/MHD, FreeSurfer's .mgz, or a folder with one DICOM series"
_LABEL_TOLERANCE = 1e-4
_MOST_SURE_LABELS, _MOST_LABELS = 64, 5000  # so few labels are always believed; parcellations of a brain have up to some thousand
_UNLIKE = 0.5  # share of neighbours with another label, from which these are grey values


def read_volume(path: str | os.PathLike[str], *, series: str | None = None, stack: str | None = None,
                progress: Progress | None = None) -> Volume:
    """Read and check one volume: NIfTI, NRRD, MetaImage, or a folder with DICOM files.

    series, stack: which one of a DICOM folder that holds several, see `volumes/dicom.py`. progress: of reading DICOM.

    Voxels (k, j, i) in their stored type, affine IJK-to-RAS in mm. Raises InputError for a file that is missing, damaged, of another kind,
    has several frames or values per voxel, is empty, a mere line, constant or without finite voxels; GeometryError for a bad affine.
    """
    return check_voxels(_read(Path(path), series, stack, progress))


def read_segmentation(path: str | os.PathLike[str], *, series: str | None = None, progress: Progress | None = None,
                      outlined: Sequence[Volume] = ()) -> Volume:
    """Read labels: (k, j, i) integers, slope 1, intercept 0. Floats that are whole numbers are taken, NaN is label 0.

    outlined: what it may be a segmentation of, for a DICOM segmentation does not always say how far apart its slices are.

    DICOM segmentations and .seg.nrrd keep names and colours of their segments. One slice will do. A segmentation without any label above 0
    is no error but has a note, and so has one that a network suggested. Raises as `read_volume` does, and InputError when values are no
    labels.
    """
    path = Path(path)
    check_no_picture(path)
    if (inside := _one_inside(path)) is not None:
        return _noted_inside(read_segmentation(inside, outlined=outlined))
    if path.is_dir() or is_dicom(path):
        volume = with_names(read_dicom_segmentation(path, series, progress, outlined), path)
    elif path.name.lower().endswith(ITK_ENDINGS):
        volume = with_names(read_itk_segmentation(path, plain_name(path)), path)
    else:
        volume = _read(path)
        if path.name.lower().endswith(NIFTI_ENDINGS):
            volume = named_where_suggested(volume, path)
    labels, notes = volume.array, volume.notes
    if is_suggested(volume):
        notes += (SUGGESTED_NOTE,)
    if volume.is_scaled or labels.dtype.kind not in "iub":
        values = volume.values.astype(np.float64)
        missing = int(np.count_nonzero(~np.isfinite(values)))
        if missing:
            notes += (f"{missing} NaN or infinite voxel{'s' if missing > 1 else ''} taken as label 0",)
        values = np.where(np.isfinite(values), values, 0)
        whole = np.rint(values)
        if np.abs(values - whole).max() > _LABEL_TOLERANCE or np.abs(whole).max() > np.iinfo(np.int32).max:
            raise InputError(f"{volume.name}: the values are not whole numbers, so this is no segmentation; give a label volume.")
        labels = whole.astype(np.int32)
    _check_no_scan(labels, volume.name)
    if not labels.any():
        notes += ("the segmentation is empty",)
    elif labels.max() <= 0:
        notes += ("the segmentation has no label above 0, only negative ones: nothing is outlined",)
    elif labels.min() == labels.max():
        notes += ("the segmentation gives every voxel the same label",)
    return replace(volume, array=_compact(labels), slope=1.0, intercept=0.0, notes=notes)


def _check_no_scan(labels: np.ndarray, name: str) -> None:
    """Raise InputError where labels are the grey values of a scan: many of them, and neighbours hardly ever alike."""
    found = len(np.unique(labels))
    if found <= _MOST_SURE_LABELS:
        return
    inside = labels[..., 1:] != 0
    unlike = np.count_nonzero((labels[..., 1:] != labels[..., :-1]) & inside) / max(1, np.count_nonzero(inside))
    if found > _MOST_LABELS or unlike > _UNLIKE:
        raise InputError(f"{name}: this holds {found} different values, as a scan does and no segmentation; give a label volume.")


def read_mask(path: str | os.PathLike[str]) -> Volume:
    """Read a mask: (k, j, i) bool, true where the value is not 0. NaN and infinite voxels are outside.

    Any values will do, those of a segmentation or of probabilities. An empty mask is no error here. Raises as `read_volume` does, but
    not for a constant one.
    """
    volume = _read(Path(path))
    values = volume.values
    return replace(volume, array=(values != 0) & np.isfinite(values), slope=1.0, intercept=0.0)


def sha256(path: str | os.PathLike[str]) -> str:
    """SHA-256 in hexadecimal. Of a file: of its bytes. Of a folder, or a header that names its data files: of the sorted checksums of the
    files, so that neither names nor their order matter. Raises InputError when it can't be read."""
    path = Path(path)
    if not path.exists():
        raise InputError(f"{path}: there is no such file or folder; check the path.")
    try:
        parts = _parts(path)
        if len(parts) == 1 and not path.is_dir():
            return _file_sha256(path)
        return sha256_of_files(parts)
    except OSError as error:
        raise InputError(f"{path.name}: the file can't be read ({error.strerror or error}); check that it exists and is yours.") from error


def sha256_of_files(files: Iterable[Path]) -> str:
    """As `sha256` of a folder that holds these files alone."""
    return hashlib.sha256("\n".join(sorted(_file_sha256(file) for file in files)).encode()).hexdigest()


def plain_name(path: Path) -> str:
    """File name without folder and without the ending of its format."""
    for ending in NIFTI_ENDINGS + PAIR_ENDINGS + ITK_ENDINGS + MGH_ENDINGS:
        if path.name.lower().endswith(ending):
            return path.name[:-len(ending)]
    return path.stem


def _read(path: Path, series: str | None = None, stack: str | None = None, progress: Progress | None = None) -> Volume:
    if (inside := _one_inside(path)) is not None:
        return _noted_inside(_read(inside))
    lower = path.name.lower()
    if path.is_dir() or is_dicom(path):
        volume = read_dicom(path, series, stack, progress)
    elif lower.endswith(NIFTI_ENDINGS + PAIR_ENDINGS):
        volume = read_nifti(path, plain_name(path))
    elif lower.endswith(ITK_ENDINGS):
        volume = read_itk(path, plain_name(path))
    elif lower.endswith(MGH_ENDINGS):
        volume = read_mgh(path, plain_name(path))
    else:
        hint = "; for DICOM give the folder, not one file" if lower.endswith((".dcm", ".ima")) else ""
        raise InputError(f"{path.name}: not an image of a known kind{hint}; give {_FORMATS}.")
    return with_names(_rising(volume), path)


def _rising(volume: Volume) -> Volume:
    """The same values with a slope above 0: whoever looks at stored numbers alone would take dark for bright."""
    array, kind = volume.array, volume.array.dtype
    if volume.slope >= 0 or (kind.kind == "u" and kind.itemsize == 8):
        return volume
    if kind.kind in "iu" and (kind.kind == "u" or array.min() == np.iinfo(kind).min):
        array = array.astype(f"i{min(8, 2 * kind.itemsize)}")
    return replace(volume, array=-array, slope=-volume.slope)


def _one_inside(path: Path) -> Path | None:
    """The one volume in a folder that holds no DICOM; None for anything else that is there. Raises InputError for what is no volume."""
    impostors.check(path)
    if not path.exists():
        raise InputError(f"{path}: there is no such file or folder; check the path.")
    return volume_in(path) if path.is_dir() else None


def _noted_inside(volume: Volume) -> Volume:
    return replace(volume, notes=(*volume.notes, "the one volume in the folder that was given"))


def with_names(volume: Volume, path: Path) -> Volume:
    """The volume, with the names of its file or folder and of those above it in its identity."""
    full = path.resolve()
    folders = tuple(parent.name for parent in list(full.parents)[:3] if parent.name)
    identity: Identity = {**volume.identity, "file": full.name, "folders": folders}
    return replace(volume, identity=identity)


def _compact(labels: np.ndarray) -> np.ndarray:
    """The smallest of uint8, uint16, int16, int32, int64 that holds these labels."""
    low, high = int(labels.min()), int(labels.max())
    for dtype in (np.uint8, np.uint16, np.int16, np.int32):
        if np.iinfo(dtype).min <= low and high <= np.iinfo(dtype).max:
            return labels.astype(dtype, copy=False)
    return labels.astype(np.int64, copy=False)


def _file_sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def _parts(path: Path) -> list[Path]:
    """All files that hold the volume: those of a folder, or a header and the data files it names."""
    if path.is_dir():
        return next((files for files in files_in(path) if files), list[Path]())
    if path.name.lower().endswith(PAIR_ENDINGS):
        return list(files_of(path))
    if path.suffix.lower() not in (".mhd", ".nhdr"):
        return [path]
    text = path.read_text(encoding="latin-1")
    named = [line.replace("=", ":", 1).split(":", 1)[-1].strip() for line in text.splitlines()]
    files = [path.parent / name for name in named if name and not name.startswith(("LIST", "LOCAL"))]
    return [path] + sorted({file for file in files if file != path and file.is_file()})
