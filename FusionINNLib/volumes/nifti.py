"""NIfTI files in and out. Arrays are turned from NIfTI's (i, j, k) to this program's (k, j, i); both sides are RAS, so no axis flips.

nibabel reads and makes the headers. The voxels are read and written here, so that a damaged end of file is noticed, no second
copy is held, stored integers stay as they are, and a file is either whole or not there.
"""
# nibabel has few types:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
from __future__ import annotations

import gzip
import logging
import math
import os
import re
import warnings
import zlib
from collections.abc import Callable, Generator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from FusionINNLib.atomic import replacing
from FusionINNLib.errors import InputError, ResultError
from FusionINNLib.volumes import impostors
from FusionINNLib.volumes.nifti_geometry import affine_mm
from FusionINNLib.volumes.packing import packed
from FusionINNLib.volumes.volume import Volume, check_shape

if TYPE_CHECKING:
    from nibabel.nifti1 import Nifti1Extension, Nifti1Header

_Content = BufferedReader | gzip.GzipFile

COMMENT = 6
"""NIfTI's code for a header extension that is plain text."""

ALIGNED = 2
"""sform and qform code of what is written: "aligned to another scan". True of every result (it lies on the grid of the reference),
where 1 would claim scanner coordinates, which a reference that was moved or lies in an atlas doesn't have."""

_CHUNK = 1 << 22
_SILENT = logging.Logger("nibabel's remarks on headers, which are made here in other words", level=logging.CRITICAL + 1)


def read_nifti(path: Path, name: str) -> Volume:
    """Read one .nii or .nii.gz, or a pair of .hdr and .img, to its last byte. Stored integers and their scale factors are kept apart.

    sform goes before qform. Raises InputError for what is no scalar volume or is damaged, GeometryError for a bad affine.
    """
    notes: list[str] = []
    header, shape, stored = read_stored(path, name, notes, scalar_type)
    if stored.dtype.kind == "f" and stored.itemsize > 8:
        notes.append(f"{8 * stored.itemsize}-bit floats converted to 64 bits")
        stored = stored.astype(np.float64)
    slope, intercept = scale_of(header, name)
    if np.isinf(header["scl_slope"]):
        notes.append("the scale slope in the header is infinite: the numbers were taken as they are stored")
    if (slope, intercept) != (1.0, 0.0):
        notes.append(f"scale factors applied (slope {slope:g}, intercept {intercept:g})")
    affine = affine_mm(header, shape, name, notes)
    array = np.ascontiguousarray(stored.astype(stored.dtype.newbyteorder("="), copy=False)).reshape(shape[::-1])
    return Volume(array, affine, name, slope=slope, intercept=intercept, notes=tuple(notes))


def read_stored(path: Path, name: str, notes: list[str], type_of: Callable[[Nifti1Header, str], np.dtype],
                shape_of: Callable[[Nifti1Header, str], tuple[int, ...]] | None = None) -> tuple[Nifti1Header, tuple[int, ...], np.ndarray]:
    """(header, (i, j, k) or what `shape_of` says, all voxels as one run) of a file or a pair. type_of, shape_of: of header and name, may
    refuse it; by itself the shape of a volume with one number per voxel. Raises InputError for damage."""
    header_path, data_path = files_of(path)
    with opened(header_path, name) as file:
        header = read_header(file, name)
        dtype, shape = type_of(header, name), (shape_of or volume_shape)(header, name)
        offset = _data_offset(header, data_path != header_path, name, notes)
        if data_path == header_path:
            return header, shape, _read_voxels(file, data_path, offset, dtype, shape, name, notes)
    with opened(data_path, name) as file:
        return header, shape, _read_voxels(file, data_path, offset, dtype, shape, name, notes)


def files_of(path: Path) -> tuple[Path, Path]:
    """(file of the header, file of the voxels): the same one but for a pair .hdr and .img, packed or not, of which either is given."""
    found = re.fullmatch(r"(.*)\.(hdr|img)(\.gz)?", path.name, re.IGNORECASE)
    if found is None:
        return path, path
    pair: list[Path] = []
    for ending in ("hdr", "img"):
        endings = [f"{word}{packed}" for word in (ending, ending.upper()) for packed in (found[3] or "", "", ".gz")]
        named = [path.with_name(f"{found[1]}.{ending}") for ending in endings]
        pair.append(next((one for one in named if one.exists()), named[0]))
    return pair[0], pair[1]


def has_scale_factors(path: str | os.PathLike[str]) -> bool:
    """Whether the header of a NIfTI file scales the stored values: a slope of 0 or NaN and "slope 1, intercept 0" don't."""
    path = Path(path)
    with opened(path, path.name) as file:
        return scale_of(read_header(file, path.name), path.name) != (1.0, 0.0)


def read_extension(path: str | os.PathLike[str]) -> list[bytes]:
    """The comment extensions (code 6) in the header of a NIfTI file, without padding, in the order of the file."""
    path = Path(path)
    with opened(path, path.name) as file:
        header = read_header(file, path.name)
    extensions: list[Nifti1Extension] = list(header.extensions)
    return [_extension_bytes(extension) for extension in extensions if extension.get_code() == COMMENT]


def write_nifti(volume: Volume, path: str | os.PathLike[str], *, description: str = "", extension: bytes | None = None,
                cal_min: float = 0.0, cal_max: float = 0.0) -> None:
    """Write `volume` as .nii, or .nii.gz when the name ends with .gz. Same volume, same bytes.

    The stored voxels keep their type (bool becomes uint8, float16 float32, long double float64; 64-bit integers stay, although
    many readers don't know them); slope and intercept go into the header, which holds them in float32. Unit mm.
    description: at most 79 ASCII characters. extension: ASCII bytes, stored as a comment. cal_min, cal_max: display range, if any.
    The file appears whole or not at all, and one that was there before stays until then. Raises ResultError when it can't be written.
    """
    path = Path(path)
    array = _storable(volume.array)
    header = _make_header(volume, array, description, extension, cal_min, cal_max)
    try:
        with replacing(path) as file:
            if path.name.lower().endswith(".gz"):
                with packed(file) as inside:
                    _write_content(inside, header, array)
            else:
                _write_content(file, header, array)
    except OSError as error:
        raise ResultError(f"{path.name} can't be written ({error.strerror or error}); free space or choose another folder.") from error


@contextmanager
def opened(path: Path, name: str) -> Generator[_Content]:
    """The file's content, unpacked if it is packed (told by its first bytes, not its name); damage becomes an InputError."""
    impostors.check_no_pipe(path)
    try:
        with open(path, "rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            if not packed:
                yield raw
                return
            with gzip.GzipFile(fileobj=raw, mode="rb") as file:
                yield file
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise InputError(f"{name}: the file is damaged or cut off; copy or download it again.") from error
    except OSError as error:
        raise InputError(f"{name}: the file can't be read ({error.strerror or error}); check that it exists and is yours.") from error


def read_header(file: _Content, name: str) -> Nifti1Header:
    """The header at the beginning of an opened file, checked; nibabel's own remarks on it are kept quiet. Raises InputError."""
    from nibabel import Nifti1Header, Nifti2Header
    from nibabel.spatialimages import HeaderDataError
    from nibabel.wrapstruct import WrapStructError

    first = file.read(4)
    file.seek(0)
    sizes = {int.from_bytes(first, "little"), int.from_bytes(first, "big")}
    header_class = Nifti1Header if 348 in sizes else Nifti2Header if 540 in sizes else None
    if header_class is None:
        raise InputError(f"{name}: this is not a NIfTI image; give a file that a NIfTI writer made.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd extensions, which are no news
            header = header_class.from_fileobj(file, check=False)
        if header["magic"].item()[:3] not in (b"n+1", b"n+2", b"ni1", b"ni2"):
            raise InputError(f"{name}: this is an Analyze header, which doesn't say which way left and right are; convert the volume to "
                             "NIfTI from its source.")
        edges = header["pixdim"].copy()
        header.check_fix(logger=_SILENT)
        header["pixdim"][1:4] = np.where(edges[1:4] == 0, 0, header["pixdim"][1:4])  # an edge that isn't given is no edge of 1 mm
        return header
    except (HeaderDataError, WrapStructError, ValueError, KeyError) as error:
        raise InputError(f"{name}: the NIfTI header can't be used ({error}); convert the volume again from its source.") from error


def scalar_type(header: Nifti1Header, name: str) -> np.dtype:
    from nibabel.spatialimages import HeaderDataError

    try:
        dtype: np.dtype = header.get_data_dtype()
    except HeaderDataError as error:
        raise InputError(f"{name}: the voxel type is unknown; save the volume as integers or floats.") from error
    if dtype.fields is not None or dtype.kind not in "iuf":
        kind = "complex" if dtype.kind == "c" else "colour or vector"
        raise InputError(f"{name}: the voxels are {kind} values; give a volume with one real number per voxel.")
    return dtype


def volume_shape(header: Nifti1Header, name: str) -> tuple[int, int, int]:
    """(i, j, k), after dropping a fourth and further axis of one."""
    shape = header.get_data_shape()
    if len(shape) == 5 and shape[3] == 1 and shape[4] > 1:
        raise InputError(f"{name}: each voxel is a vector of {shape[4]} values; give a volume with one real number per voxel.")
    frames = int(np.prod(shape[3:], dtype=np.int64))
    if frames > 1:
        raise InputError(f"{name}: the file holds {frames} frames; extract the one you want as a three-dimensional volume.")
    shape = (*shape, 1)[:3] if len(shape) == 2 else shape[:3]
    check_shape(shape, name)
    i, j, k = (int(size) for size in shape)
    return i, j, k


def _data_offset(header: Nifti1Header, pair: bool, name: str, notes: list[str]) -> int:
    """Where the voxels begin, in bytes. A single file without an offset has them behind its header, as the format's library does.
    pair: whether they lie in a file of their own, whatever the header says."""
    offset = float(header["vox_offset"])
    behind = int(header["sizeof_hdr"]) + 4
    if offset == 0 and not pair:
        notes.append("the header doesn't say where the voxels begin (vox_offset 0): read from its end on")
        return behind
    if not offset.is_integer() or offset < (0 if pair else behind):
        raise InputError(f"{name}: the header says that the voxels begin at byte {offset:g} (vox_offset), which can't be; convert the "
                         "volume again from its source.")
    return int(offset)


def _read_voxels(file: _Content, path: Path, offset: int, dtype: np.dtype, shape: tuple[int, ...], name: str,
                 notes: list[str]) -> np.ndarray:
    """The stored voxels as one run, read together with what follows them: only then gzip compares its checksum."""
    cut_off = InputError(f"{name}: the file is damaged or cut off; copy or download it again.")
    count = math.prod(shape) * dtype.itemsize  # of Python's numbers: a damaged header may say more than 64 bits hold
    if offset + count > 1100 * max(path.stat().st_size, 1):  # gzip can't pack more tightly; checked before memory is asked for
        raise cut_off
    buffer = np.empty(count, dtype=np.uint8)
    view = buffer.data
    file.seek(offset)
    done = 0
    while done < count:
        got = file.readinto(view[done:done + _CHUNK])
        if not got:
            raise cut_off
        done += got
    behind = 0
    while rest := file.read(_CHUNK):
        behind += len(rest)
    if behind >= count // math.prod(shape[2:]):  # less may fill up the last block
        notes.append(f"the file goes on for {behind} bytes behind the {' x '.join(map(str, shape))} voxels that its header tells of: they "
                     "were left out")
    return buffer.view(dtype)


def scale_of(header: Nifti1Header, name: str) -> tuple[float, float]:
    """(slope, intercept) of the header, (1, 0) when it doesn't scale."""
    from nibabel.spatialimages import HeaderDataError

    try:
        slope, intercept = header.get_slope_inter()
    except HeaderDataError as error:
        raise InputError(f"{name}: the scale factors in the header are not numbers; convert the volume again from its source.") from error
    return (1.0, 0.0) if slope is None else (float(slope), float(intercept or 0.0))


def _extension_bytes(extension: Nifti1Extension) -> bytes:
    content = extension.get_content()
    if isinstance(content, bytes):  # pyright: ignore[reportUnnecessaryIsInstance] - nibabel gave text before version 5.3
        return content.rstrip(b"\0")
    return str(content).encode().rstrip(b"\0")


def _storable(array: np.ndarray) -> np.ndarray:
    """C-ordered, little-endian, in a type that NIfTI has."""
    if array.dtype.kind == "b":
        array = array.view(np.uint8) if array.flags.c_contiguous else array.astype(np.uint8)
    elif array.dtype == np.float16:
        array = array.astype(np.float32)
    elif array.dtype.kind == "f" and array.dtype.itemsize > 8:
        array = array.astype(np.float64)
    return np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))


def _make_header(volume: Volume, array: np.ndarray, description: str, extension: bytes | None, cal_min: float,
                 cal_max: float) -> Nifti1Header:
    from nibabel import Nifti1Header
    from nibabel.nifti1 import Nifti1Extension

    header = Nifti1Header(endianness="<")
    header.set_data_dtype(array.dtype)
    header.set_data_shape(array.shape[::-1])
    header.set_qform(volume.affine, ALIGNED)
    header.set_sform(volume.affine, ALIGNED)
    header.set_xyzt_units("mm")
    header["scl_slope"], header["scl_inter"] = volume.slope, volume.intercept
    header["cal_min"], header["cal_max"] = cal_min, cal_max
    header["descrip"] = description.encode("ascii", "replace")[:79]
    if extension is not None:
        header.extensions.append(Nifti1Extension(COMMENT, extension))
    return header


def _write_content(file: BinaryIO | gzip.GzipFile, header: Nifti1Header, array: np.ndarray) -> None:
    header.write_to(file)
    file.write(b"\0" * (header.get_data_offset() - file.tell()))
    view = array.reshape(-1).view(np.uint8).data
    for start in range(0, len(view), _CHUNK):
        file.write(view[start:start + _CHUNK])
