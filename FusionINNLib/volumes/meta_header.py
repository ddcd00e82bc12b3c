"""The text header of a MetaImage file (.mha, .mhd): what it leaves open, which SimpleITK fills with defaults without a word."""
from __future__ import annotations

from pathlib import Path

import numpy as np

from FusionINNLib.errors import InputError
from FusionINNLib.volumes.nrrd_header import MM_PER_UNIT

_PLACE = ("offset", "position", "origin")
_TURN = ("transformmatrix", "rotation", "orientation")
_UNIT_LENGTH = 1e-2
_SIDES = {"L": (1, 0, 0), "R": (-1, 0, 0), "P": (0, 1, 0), "A": (0, -1, 0), "S": (0, 0, 1), "I": (0, 0, -1)}  # LPS
_ALONG = 0.5  # cosine, from which an axis runs to a side


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


def check_geometry(fields: dict[str, str], name: str, notes: list[str]) -> None:
    """Say which parts of the geometry are missing or contradict each other. Raises InputError for spacings and directions that are none."""
    _check_numbers(fields, name)
    spacing = _numbers(fields, "elementspacing")
    turn = next((_numbers(fields, key) for key in _TURN if key in fields), np.empty(0))
    if (spacing < 0).any():
        raise InputError(f"{name}: the header gives a negative spacing ({fields['elementspacing']}), which programs read differently; "
                         "save the volume with positive ones.")
    if turn.size == 9:
        lengths = np.linalg.norm(turn.reshape(3, 3), axis=1)
        if (np.abs(lengths - 1) > _UNIT_LENGTH).any():
            raise InputError(f"{name}: the directions in the header (TransformMatrix) are not of length 1, so that spacing and direction "
                             "contradict each other; save the volume again from its source.")
        if (letters := fields.get("anatomicalorientation", "").upper()) and _contradicts(letters, turn.reshape(3, 3)):
            notes.append(f"the header calls its orientation {letters}, which contradicts its directions: the directions were taken")
    missing = [what for what, keys in (("spacing", ("elementspacing", "elementsize")), ("position", _PLACE), ("orientation", _TURN))
               if not any(key in fields for key in keys)]
    if missing:
        notes.append(f"the header gives no {' and no '.join(missing)}: taken as {'1 mm' if 'spacing' in missing else 'unturned'}"
                     f"{' along the axes' if 'orientation' in missing and 'spacing' in missing else ''}")


def _check_numbers(fields: dict[str, str], name: str) -> None:
    """Raise InputError where an element of the geometry is not as many finite numbers as it needs: readers fill up as they like."""
    axes = int(fields["ndims"]) if fields.get("ndims", "").isdecimal() else 3
    for key, needed in (*((key, axes) for key in ("elementspacing", "elementsize", *_PLACE)), *((key, axes ** 2) for key in _TURN)):
        found = _numbers(fields, key)
        if key in fields and (found.size != needed or not np.isfinite(found).all()):
            raise InputError(f"{name}: the header gives {fields[key] or 'nothing'} for {key}, where {needed} numbers are needed; save the "
                             "volume again from its source.")


def scale_factors(fields: dict[str, str], name: str) -> tuple[float, float]:
    """(slope, intercept) from stored numbers to values, which SimpleITK passes over; (1, 0) where there are none."""
    found = [_numbers(fields, f"elementtointensityfunction{word}") for word in ("slope", "offset")]
    slope, intercept = (float(one[0]) if one.size else usual for one, usual in zip(found, (1.0, 0.0)))
    if not np.isfinite([slope, intercept]).all() or slope == 0:
        raise InputError(f"{name}: the scale factors in the header are {slope:g} and {intercept:g}, which can't be; save the volume again "
                         "from its source.")
    return slope, intercept


def _numbers(fields: dict[str, str], key: str) -> np.ndarray:
    try:
        return np.array([float(word) for word in fields.get(key, "").split()])
    except ValueError:
        return np.empty(0)


def _contradicts(letters: str, directions: np.ndarray) -> bool:
    """Whether letters such as RAI fit neither as sides that axes come from, as ITK writes them, nor as sides they go to. directions: a row
    for each axis, LPS."""
    if len(letters) != 3 or any(letter not in _SIDES for letter in letters):
        return False  # "???": not known
    along = [directions[axis] @ np.array(_SIDES[letter]) for axis, letter in enumerate(letters)]
    return not (min(along) > _ALONG or max(along) < -_ALONG)


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
