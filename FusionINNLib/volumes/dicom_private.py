"""What scanners say of diffusion in elements of their own: b-value, direction, and whether a plane holds the slices of a mosaic.

A private element is known by its group, the text of its creator and the last two digits of its number; the creator's own element tells
the block of the group that it has reserved (DICOM PS3.5, 7.8.1). GE: (0043,xx39), with 1e9 added in newer versions; Philips: (2001,xx03);
Siemens: (0019,xx0C), or the CSA header (0029,xx10) where the others are missing.
"""
# pydicom and nibabel have few types:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
from __future__ import annotations

import warnings
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pydicom import Dataset
    from pydicom.tag import BaseTag

_Element = tuple[int, str, int, str]
"""Group, creator, number within the block, value representation: whole or decimal text (DS), or little-endian numbers."""
_SIEMENS, _GE, _PHILIPS = "siemens mr header", "gems_parm_01", "philips imaging dd 001"
_B_VALUES: tuple[_Element, ...] = ((0x0019, _SIEMENS, 0x0c, "DS"), (0x0043, _GE, 0x39, "DS"), (0x2001, _PHILIPS, 0x03, "<f4"))
_DIRECTIONS: tuple[tuple[_Element, ...], ...] = (
    ((0x0019, _SIEMENS, 0x0e, "<f8"),),
    tuple((0x0019, "gems_acqu_01", number, "DS") for number in (0xbb, 0xbc, 0xbd)),
    tuple((0x2005, "philips mr imaging dd 001", number, "<f4") for number in (0xb0, 0xb1, 0xb2)))
"""Of each vendor: one element of three numbers, or three elements."""
_MOSAIC: _Element = (0x0019, _SIEMENS, 0x0a, "<u2")
_CSA: _Element = (0x0029, "siemens csa header", 0x10, "OB")
_BLOCKS = range(0x10, 0x100)
_GE_ADDS = 1e9
_HIGHEST = 50_000.0
"""s/mm2. Elements of the same number mean other things in other sequences of pulses; nothing beyond this is a b-value."""


@cache
def private_tags() -> tuple[BaseTag, ...]:
    """Every place where these elements and their creators can lie."""
    from pydicom.tag import Tag

    elements = (*_B_VALUES, *(one for vendor in _DIRECTIONS for one in vendor), _MOSAIC, _CSA)
    creators = {(group, block) for group, *_ in elements for block in _BLOCKS}
    return tuple(Tag(*one) for one in creators | {(group, block << 8 | number) for group, _, number, _ in elements for block in _BLOCKS})


def private_b_value(header: Dataset) -> float | None:
    """s/mm2, as the scanner's own elements say; None where they don't."""
    for element in _B_VALUES:
        if numbers := _numbers(header, element):
            b = numbers[0] - _GE_ADDS if element[1] == _GE and numbers[0] >= _GE_ADDS else numbers[0]
            if 0 <= b <= _HIGHEST:
                return b
    found = _csa(header, "B_value")
    return found[0] if found and 0 <= found[0] <= _HIGHEST else None


def private_direction(header: Dataset) -> tuple[float, ...] | None:
    """Three numbers that tell a direction from others, in the scanner's own axes; None where there is none, as without diffusion."""
    for vendor in _DIRECTIONS:
        parts = [number for element in vendor for number in _numbers(header, element)]
        if len(parts) == 3 and max(map(abs, parts)) <= 1.01:  # GE's elements hold other things where nothing is diffusion
            return tuple(parts)
    found = _csa(header, "DiffusionGradientDirection")
    return tuple(found) if len(found) == 3 else None


def is_private_mosaic(header: Dataset) -> bool:
    """Whether Siemens' own element says that a plane holds several slices."""
    count = _numbers(header, _MOSAIC)
    return bool(count) and count[0] > 1


def _value(header: Dataset, element: _Element) -> Any:
    """What the first block of this creator that has the element holds; None where there is none."""
    group, creator, number, _ = element
    for block in _BLOCKS:
        if (group, block) in header and _text(header[group, block].value).lower() == creator and (group, block << 8 | number) in header:
            return header[group, block << 8 | number].value
    return None


def _numbers(header: Dataset, element: _Element) -> list[float]:
    """Finite numbers of an element, whether its type was known, or is bytes (UN); none where it is missing or no numbers."""
    value, kind = _value(header, element), element[3]
    if value is None:
        return []
    try:
        if isinstance(value, bytes) and kind != "DS":
            value = np.frombuffer(value, kind)
        elif isinstance(value, (bytes, str)):
            value = _text(value).split("\\")
        numbers = [float(one) for one in np.ravel(value)]
    except (TypeError, ValueError):
        return []
    return numbers if np.isfinite(numbers).all() else []


def _csa(header: Dataset, name: str) -> list[float]:
    """Numbers of an entry in Siemens' CSA header."""
    value = _value(header, _CSA)
    if not isinstance(value, bytes) or len(value) < 16:
        return []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # nibabel calls all of its DICOM experimental
        from nibabel.nicom.csareader import read

    try:
        return [float(one) for one in read(value)["tags"][name]["items"] if one is not None]
    except Exception:  # nibabel meets whatever a damaged header holds
        return []


def _text(value: Any) -> str:
    return (value.decode("ascii", "replace") if isinstance(value, bytes) else str(value)).strip(" \0")
