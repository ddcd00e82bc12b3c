"""The text header of an NRRD file (http://teem.sourceforge.net/nrrd/format.html): what SimpleITK passes over without a word.

Space and units of a volume, and the layers, names and colours of a segmentation that 3D Slicer wrote.
"""
from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from FusionINNLib.errors import InputError
from FusionINNLib.volumes.volume import SegmentName

MM_PER_UNIT = {"m": 1000.0, "meter": 1000.0, "meters": 1000.0, "metre": 1000.0, "metres": 1000.0, "cm": 10.0, "centimeter": 10.0,
               "centimeters": 10.0, "mm": 1.0, "millimeter": 1.0, "millimeters": 1.0, "millimetre": 1.0, "millimetres": 1.0, "um": 1e-3,
               "\u00b5m": 1e-3, "\u03bcm": 1e-3, "micron": 1e-3, "microns": 1e-3, "micrometer": 1e-3, "micrometers": 1e-3, "nm": 1e-6,
               "nanometer": 1e-6, "nanometers": 1e-6}
_ANATOMICAL = ("ras", "las", "lps", "right-anterior-superior", "left-anterior-superior", "left-posterior-superior")
_UNNAMED_SIDES = ("scanner-xyz", "3d-right-handed", "3d-left-handed")
_ONE_BYTE = ("signed char", "int8", "int8_t", "uchar", "unsigned char", "uint8", "uint8_t", "block")
_TEXTS = ("text", "txt", "ascii", "hex")
_LONGEST = 1 << 20


@dataclass(frozen=True)
class NrrdSegment:
    """A segment of a .seg.nrrd: its label in its layer."""

    label: int
    layer: int
    named: SegmentName


def read_fields(path: Path) -> dict[str, str]:
    """Fields and key/value pairs of the header, keys in lower case; empty for a file that is no NRRD."""
    with open(path, "rb") as file:
        if not file.readline(16).startswith(b"NRRD000"):
            return {}
        fields: dict[str, str] = {}
        while (line := file.readline(_LONGEST)).strip():
            text = line.decode("utf-8", "replace").strip()
            if not text.startswith("#"):
                key, separator, value = text.partition(":=") if ":=" in text else text.partition(":")
                if separator:
                    fields[key.strip().lower()] = value.strip()
        return fields


def scale_to_mm(fields: dict[str, str], name: str, notes: list[str]) -> float:
    """Factor from the lengths in the header to mm; said in `notes` when it isn't 1. Raises InputError for units that are none."""
    words: list[str] = re.findall(r'"([^"]*)"', fields.get("space units", "") or fields.get("units", ""))
    words = [word.strip() for word in words if word.strip()]
    lengths = words[:3] if "space units" in fields else [word for word in words if word.lower() in MM_PER_UNIT]
    unknown = [word for word in lengths if word.lower() not in MM_PER_UNIT]
    if unknown or len({MM_PER_UNIT[word.lower()] for word in lengths}) > 1:
        raise InputError(f"{name}: the header gives lengths in {' and '.join(dict.fromkeys(lengths))}; save the volume with lengths in mm.")
    factor = MM_PER_UNIT[lengths[0].lower()] if lengths else 1.0
    if factor != 1:
        notes.append(f"lengths converted from {lengths[0]} to mm")
    return factor


def check_readable(fields: dict[str, str], name: str) -> None:
    """Raise InputError for what SimpleITK refuses without a reason, or reads as something else, and the header shows."""
    reason = _space_that_is_none(fields) or _axes_without_place(fields) or _order_of_bytes(fields)
    if reason:
        raise InputError(f"{name}: the header {reason}; save the volume again, as left-posterior-superior with three directions.")


def check_space(fields: dict[str, str], notes: list[str]) -> None:
    """Say what the header leaves open about where the volume lies."""
    space = _space(fields)
    if "space directions" not in fields:
        notes.append("the header gives no space directions: orientation and position in the patient are guessed")
        return
    if not space:
        notes.append("the header names no space, so nothing says which way left and right are: taken as left-posterior-superior")
    elif space not in _ANATOMICAL:
        notes.append(f"the space {space} doesn't say which way left and right of the patient are: taken as left-posterior-superior")
    if not re.search(r"\(.*\d.*\)", fields.get("space origin", "")):
        notes.append("the header gives no space origin: the position in the patient is guessed")


def check_old_range(fields: dict[str, str], notes: list[str]) -> None:
    """Say where the values were others before they were made integers: the format records that range, and has no reader undo it."""
    low, high = (fields.get(f"old {end}", fields.get(f"old{end}")) for end in ("min", "max"))
    if low is None and high is None:
        return
    notes.append(f"the header says that the values were {'?' if low is None else low} to {'?' if high is None else high} before they were "
                 "made integers (old min, old max): taken as they are stored")


def _space(fields: dict[str, str]) -> str:
    return fields.get("space", "").lower().replace(" ", "-")


def _space_that_is_none(fields: dict[str, str]) -> str:
    space = _space(fields)
    if not space or space in _ANATOMICAL + _UNNAMED_SIDES:
        return ""
    return f"names a space {fields['space']}, which {'has time as a fourth axis' if space.endswith('time') else 'the format does not know'}"


def _axes_without_place(fields: dict[str, str]) -> str:
    """What is wrong with directions and kinds of the axes."""
    directions: list[str] = re.findall(r"none|\([^)]*\)", fields.get("space directions", "").lower())
    sizes = fields.get("sizes", "").split()
    for axis, (kind, size) in enumerate(zip(fields.get("kinds", "").lower().split(), sizes), 1):
        if kind == "time" and size != "1":
            return f"calls axis {axis} time, so that the file holds {size} time points of slices"
    if directions and len(sizes) == 3 and "none" in directions:
        return f"gives no direction for axis {directions.index('none') + 1}"
    spacings = re.findall(r"[^\s]+", fields.get("spacings", "").lower())
    if directions and any(one != "nan" for one in spacings):
        return "gives both spacings and space directions"
    return ""


def _order_of_bytes(fields: dict[str, str]) -> str:
    needed = fields.get("type", "").lower() not in _ONE_BYTE and fields.get("encoding", "").lower() not in _TEXTS
    return "doesn't say in which order the bytes of a number lie (endian)" if needed and "endian" not in fields else ""


def segments(fields: dict[str, str]) -> list[NrrdSegment]:
    """Segments in the order of their numbers, as 3D Slicer writes them; empty for any other file."""
    found: list[NrrdSegment] = []
    keys = [key for key in fields if re.fullmatch(r"segment\d+_labelvalue", key)]
    for key in sorted(keys, key=lambda key: int(re.findall(r"\d+", key)[0])):
        stem = key.removesuffix("labelvalue")
        if fields[key].lstrip("-").isdigit():
            layer = fields.get(stem + "layer", "0")
            name = fields.get(stem + "name") or fields.get(stem + "id") or f"segment {len(found) + 1}"
            found.append(NrrdSegment(int(fields[key]), int(layer) if layer.isdigit() else 0,
                                     SegmentName(name, _color(fields.get(stem + "color", "")))))
    return found


def is_fractional(fields: dict[str, str]) -> bool:
    """Whether 3D Slicer says of a segmentation that its voxels are fractions."""
    return any("fractional" in fields.get(f"segmentation_{word}representation", "").lower() for word in ("master", "source"))


def _color(text: str) -> tuple[float, float, float] | None:
    try:
        values = tuple(min(1.0, max(0.0, float(word))) for word in text.split())
    except ValueError:
        return None
    return values if len(values) == 3 else None
