"""Whether a file holds the voxels that its NRRD or MetaImage header tells of, found out before SimpleITK is asked.

SimpleITK reads what another format's reader knows whatever the file is called, prints remarks of its own where something is cut off, and
takes packed voxels that can't be unpacked for what they happen to be.
"""
from __future__ import annotations

import math
import zlib
from pathlib import Path
from typing import BinaryIO

from FusionINNLib.errors import InputError
from FusionINNLib.volumes import meta_header

_META_BYTES = {"char": 1, "uchar": 1, "short": 2, "ushort": 2, "int": 4, "uint": 4, "long": 4, "ulong": 4, "long_long": 8,
               "ulong_long": 8, "float": 4, "double": 8}
_NRRD_BYTES = {1: ("signed char", "int8", "int8_t", "uchar", "unsigned char", "uint8", "uint8_t"),
               2: ("short", "short int", "signed short", "signed short int", "int16", "int16_t", "ushort", "unsigned short",
                   "unsigned short int", "uint16", "uint16_t"),
               4: ("int", "signed int", "int32", "int32_t", "uint", "unsigned int", "uint32", "uint32_t", "float")}
_NRRD_PACKED = ("raw", "gzip", "gz", "ascii", "text", "txt", "hex")
_CHUNK = 1 << 22
_LOOK = 1 << 16


def reader_of(path: Path) -> str | None:
    """ITK's name for the reader of what a file holds, whatever it is called; None for neither of the two formats."""
    with open(path, "rb") as file:
        start = file.read(_LOOK)
    if start.startswith(b"NRRD000"):
        return "NrrdImageIO"
    return "MetaImageIO" if b"NDims" in start and b"ElementDataFile" in start else None


def check_voxels_there(path: Path, nrrd: dict[str, str], name: str, notes: list[str]) -> None:
    """Raise InputError where the voxels are missing, cut off or packed otherwise; what lies behind them is added to `notes`. nrrd: fields
    of an NRRD, none of any other file."""
    if nrrd:
        _check_nrrd(path, nrrd, name, notes)
        return
    if reader_of(path) is None:
        raise InputError(f"{name}: this is not an image of the format that its name says (neither NRRD nor MetaImage); give it the ending "
                         "of its own format, or export it again.")
    _check_meta(path, meta_header.read_fields(path), name, notes)


def _check_nrrd(path: Path, fields: dict[str, str], name: str, notes: list[str]) -> None:
    encoding, named = fields.get("encoding", "raw").lower(), fields.get("data file") or fields.get("datafile") or ""
    if encoding not in _NRRD_PACKED:
        raise InputError(f"{name}: the voxels are packed as {encoding}, which can't be unpacked here; save the volume as raw or gzip.")
    if named.upper().startswith("LIST") or "%" in named:
        return
    data = path.parent / named if named else path
    _check_there(data, name)
    parts = next((size for size, types in _NRRD_BYTES.items() if fields.get("type", "").lower() in types), 0)
    sizes = fields.get("sizes", "").split()
    if encoding != "raw" or not parts or not all(size.isdecimal() for size in sizes) or {"byte skip", "line skip"} & set(fields):
        return
    with open(data, "rb") as file:
        if not named:
            while file.readline().strip():
                pass
        _check_length(_left(file), [parts, *map(int, sizes)], name, notes)


def _check_meta(path: Path, fields: dict[str, str], name: str, notes: list[str]) -> None:
    if fields.get("binarydata", "").lower().startswith("f"):
        raise InputError(f"{name}: the voxels are written as text (BinaryData = False), which isn't read here; save the volume with binary "
                         "ones.")
    named = fields.get("elementdatafile", "")
    local, skip = named.upper() == "LOCAL", fields.get("headersize", "0")
    if named.upper().startswith("LIST") or "%" in named:
        return
    data = path if local else path.parent / named
    _check_there(data, name)
    sizes = [fields.get("elementnumberofchannels", "1"), *fields.get("dimsize", "").split()]
    parts = _META_BYTES.get(fields.get("elementtype", "").lower().removeprefix("met_").removesuffix("_array"), 0)
    if not parts or not all(size.isdecimal() for size in sizes):
        return
    numbers = [parts, *map(int, sizes)]
    with open(data, "rb") as file:
        if local:
            while not file.readline(1 << 16).lower().replace(b" ", b"").startswith(b"elementdatafile="):
                pass
        elif skip.isdecimal():
            file.seek(int(skip))
        if not fields.get("compresseddata", "").lower().startswith("t"):
            _check_length(_left(file), numbers, name, [] if skip == "-1" else notes)
        elif local and "compresseddatasize" not in fields:
            raise InputError(f"{name}: the header says that the voxels are packed and not how many bytes they fill (CompressedDataSize); "
                             "save the volume again from its source.")
        elif _unpacked_length(file) < math.prod(numbers):
            raise _cut_off(name)


def _check_there(data: Path, name: str) -> None:
    if not data.is_file():
        raise InputError(f"{name}: the header names {data.name} for the voxels, which is not there; copy it beside the header, too.")


def _check_length(found: int, numbers: list[int], name: str, notes: list[str]) -> None:
    """numbers: bytes of a number, then the lengths of the axes, the slowest last."""
    behind = found - math.prod(numbers)
    if behind < 0:
        raise _cut_off(name)
    if behind >= max(1, math.prod(numbers[:-1])):  # less may fill up the last block
        notes.append(f"the file goes on for {behind} bytes behind the voxels that its header tells of: they were left out")


def _left(file: BinaryIO) -> int:
    """Bytes from where a file is read to its end."""
    here = file.tell()
    return file.seek(0, 2) - here


def _unpacked_length(file: BinaryIO) -> int:
    """Bytes that what follows in the file unpacks to, 0 where its checksum is wrong or its end is missing; they are not kept."""
    unpacker, length = zlib.decompressobj(wbits=47), 0  # zlib or gzip
    try:
        while not unpacker.eof and (chunk := unpacker.unconsumed_tail or file.read(_CHUNK)):
            length += len(unpacker.decompress(chunk, _CHUNK))
        length += len(unpacker.flush())
    except zlib.error:
        return 0
    return length if unpacker.eof else 0


def _cut_off(name: str) -> InputError:
    return InputError(f"{name}: the file is damaged or cut off; copy or export it again.")
