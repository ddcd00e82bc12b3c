"""What the slices of one volume must agree on, by their headers, and what is told where they, or their positions, say different things."""
from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from FusionINNLib.errors import InputError
from FusionINNLib.volumes.dicom_frames import DicomFile, Frame

_APART = 0.05
"""Relative difference of two slice distances from which they contradict each other."""


def check_no_mosaic(frames: Iterable[Frame], name: str) -> None:
    """Raise InputError for planes that hold the slices of a volume side by side."""
    if any("MOSAIC" in str(frame.traits.get("kind", "")).upper() for frame in frames):
        raise InputError(f"{name}: each image is a mosaic that holds all slices of a volume side by side, as Siemens writes them; convert "
                         "the series to NIfTI with dcm2niix, or export it as enhanced DICOM.")


def check_one_scan(files: list[DicomFile], frames: Iterable[Frame], name: str) -> None:
    """Raise InputError for slices of several patients, and for values that mean different things from slice to slice."""
    patients: dict[str, Path] = {}
    by_id = any("patient_id" in one.tags for one in files)
    for one in files:
        if patient := one.tags.get("patient_id" if by_id else "patient_name"):
            patients.setdefault(patient.strip(), one.path)
    if len(patients) > 1:
        files_of_two = " and ".join(path.name for path in list(patients.values())[:2])
        raise InputError(f"{name}: the slices are of {len(patients)} patients by their patient {'IDs' if by_id else 'names'} "
                         f"({files_of_two}); export the series of one patient alone.")
    mapped = {(frame.mappings > 0, frame.unit) for frame in frames}
    if len(mapped) > 1:
        units = " and ".join(sorted({unit or "none" for _, unit in mapped}))
        what = f"units ({units})" if all(is_mapped for is_mapped, _ in mapped) else "meanings: some have a real-world mapping, some none"
        raise InputError(f"{name}: the values of the slices have different {what}; export the series again from its source.")


def notes_on(files: list[DicomFile], frames: list[Frame], distance: float) -> tuple[str, ...]:
    """Sentences on a volume that was read. distance: mm from slice to slice, by their positions."""
    notes: list[str] = []
    if any(one.photometric == "MONOCHROME1" for one in files):
        notes.append("the file asks to show low values bright (MONOCHROME1): values are taken as stored")
    if len({one.reference for one in files if one.reference}) > 1:
        notes.append("the slices have different frames of reference, so their positions may not go together: check that they are of one "
                     "scan")
    if any(one.lossy for one in files):
        notes.append("the series was compressed with loss, so its values are not exactly the scanner's")
    if max(frame.mappings for frame in frames) > 1:
        notes.append("the file has several real-world value mappings: the first one was taken" + (
            f", in {frames[0].unit}" if frames[0].unit else ""))
    if not frames[0].mappings and len({frame.is_rescaled for frame in frames}) > 1:
        notes.append("some slices give a rescale slope or intercept and others none: these are taken as stored")
    said = [frame.apart for frame in frames if frame.apart]
    if len(frames) > 1 and said and not np.isclose(np.median(said), distance, rtol=_APART, atol=0):
        notes.append(f"the slices lie {distance:.4g} mm apart by their positions and {np.median(said):.4g} mm by the header: the positions "
                     "were taken; check that none is missing")
    return tuple(notes)
