"""Whose results are when they become DICOM: patient, study and space of a source that came as a DICOM series. Held in memory alone."""
from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from FusionINNLib.volumes.dicom import headers_of

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
