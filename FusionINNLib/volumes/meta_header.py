"""The text header of a MetaImage file (.mha, .mhd): what it leaves open, which SimpleITK fills with defaults without a word."""
from __future__ import annotations

from pathlib import Path

from FusionINNLib.errors import InputError
from FusionINNLib.volumes.nrrd_header import MM_PER_UNIT

_PLACE = ("offset", "position", "origin")
_TURN = ("transformmatrix", "rotation", "orientation")


def read_fields(path: Path) -> dict[str, str]:
    """Fields of the header, keys in lower case, up to the one that ends it."""
    fields: dict[str, str] = {}
    with open(path, "rb") as file:
        for _ in range(1000):
            key, separator, value = file.readline(1 << 16).decode("latin-1").partition("=")
            if not separator:
                break
            fields[key.strip().lower()] = value.strip()
            if key.strip().lower() == "elementdatafile":
                break
    return fields


def check_geometry(fields: dict[str, str], notes: list[str]) -> None:
    """Say which parts of the geometry are missing."""
    missing = [what for what, keys in (("spacing", ("elementspacing", "elementsize")), ("position", _PLACE), ("orientation", _TURN))
               if not any(key in fields for key in keys)]
    if missing:
        notes.append(f"the header gives no {' and no '.join(missing)}: taken as {'1 mm' if 'spacing' in missing else 'unturned'}"
                     f"{' along the axes' if 'orientation' in missing and 'spacing' in missing else ''}")


def scale_to_mm(fields: dict[str, str], name: str, notes: list[str]) -> float:
    """Factor from the lengths in the header to mm; said in `notes` when it isn't 1."""
    unit = fields.get("distanceunits", "")
    if unit in ("", "?"):
        return 1.0
    if unit.lower() not in MM_PER_UNIT:
        raise InputError(f"{name}: the header gives lengths in {unit}; save the volume with lengths in mm.")
    factor = MM_PER_UNIT[unit.lower()]
    if factor != 1:
        notes.append(f"lengths converted from {unit} to mm")
    return factor
