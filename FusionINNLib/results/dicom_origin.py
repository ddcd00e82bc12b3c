"""Whose results are when they become DICOM: patient, study and space of a source that came as a DICOM series. Held in memory alone."""
# pydicom has few types:
# pyright: reportUnknownMemberType=false
from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from FusionINNLib.errors import InputError, in_brief

if TYPE_CHECKING:
    from pydicom import Dataset


@dataclass(frozen=True)
class Origin:
    """Where a result came from. headers: of the DICOM files of a source; keep_patient: whether patient and study are taken from them;
    same_space: whether the result lies in their frame of reference."""

    headers: tuple[Dataset, ...]
    keep_patient: bool
    same_space: bool


@dataclass(frozen=True)
class Whose:
    """Whose a result is, where that is to be said: headers of the DICOM series of a source, or its files; same_space: see `Origin`."""

    headers: tuple[Dataset, ...] = field(default=(), repr=False)
    files: tuple[Path, ...] = field(default=(), repr=False)
    same_space: bool = False

    def origin(self) -> Origin:
        """The same with headers. Raises InputError where the files cannot be read."""
        return Origin(self.headers or headers_of(self.files), True, self.same_space)


def headers_of(files: Iterable[Path]) -> tuple[Dataset, ...]:
    """What DICOM files say without their pixels. Raises InputError where one cannot be read."""
    import pydicom

    try:
        return tuple(pydicom.dcmread(file, stop_before_pixels=True, force=True) for file in files)
    except Exception as error:  # gone, or whatever pydicom meets in a damaged file
        raise InputError(f"The DICOM files of the source cannot be read ({in_brief(error)}): import them again, or export without the "
                         "patient's name.") from error
