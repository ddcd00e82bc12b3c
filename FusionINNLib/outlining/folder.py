"""A suggested outline on disk: label map, probability, record, and on request a segmentation that 3D Slicer opens with its name, and one
for DICOM archives.

Every file says that nobody drew this and that it is for research only.
"""
from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from FusionINNLib import __version__
from FusionINNLib.outlining.agreement import Agreement
from FusionINNLib.outlining.dicom_file import write_dicom_segmentation
from FusionINNLib.outlining.doubts import KNOWS
from FusionINNLib.outlining.records import Origin
from FusionINNLib.outlining.slicer_file import write_slicer_segmentation
from FusionINNLib.outlining.suggest import Suggestion
from FusionINNLib.results.folder import InputFile
from FusionINNLib.results.recipe import NOTICE
from FusionINNLib.volumes.io import sha256, write_nifti
from FusionINNLib.volumes.suggested import DESCRIPTION, NAME

if TYPE_CHECKING:
    from pydicom import Dataset

LABELS, PROBABILITY, RECORD, SLICER = "suggested.nii.gz", "probability.nii.gz", "segment.json", "suggested.seg.nrrd"
DICOM = "suggested.dcm"
FILES = frozenset({LABELS, PROBABILITY, RECORD, SLICER, DICOM})
FORMAT = 1
KIND = "SUGGESTED by a network, not drawn by a person"


def write(suggestion: Suggestion, folder: Path, inputs: tuple[InputFile, InputFile], settings: dict[str, object],
          drawn: tuple[InputFile, Agreement] | None = None, *, for_slicer: bool = False,
          dicom: tuple[Dataset, ...] | None = None) -> None:
    """Write a suggestion into an existing folder (see atomic.py for the way there).

    Args:
        inputs: the two files.
        settings: what the user chose, JSON-ready.
        drawn: an outline that somebody drew, and how well the suggestion agrees with it.
        for_slicer: a .seg.nrrd too.
        dicom: headers of the series on whose grid it lies (`dicom_file.source_headers`), for a DICOM Segmentation too.
    """
    write_nifti(suggestion.labels, folder / LABELS, description=DESCRIPTION)
    write_nifti(suggestion.probability, folder / PROBABILITY, cal_max=1.0,
                description="FusionINN: probability of lesion, by a network. Research use only.")
    if for_slicer:
        write_slicer_segmentation(suggestion.segments, folder / SLICER)
    if dicom is not None:
        card = suggestion.model.card
        write_dicom_segmentation(suggestion.labels, Origin(card.id, card.sha256), dicom, folder / DICOM)
    names = [LABELS, PROBABILITY, *([SLICER] if for_slicer else []), *([DICOM] if dicom is not None else [])]
    (folder / RECORD).write_text(json.dumps(_record(suggestion, inputs, settings, drawn) | {
        "files": {name: sha256(folder / name) for name in names}}, indent=1) + "\n", encoding="utf-8")


def _record(suggestion: Suggestion, inputs: tuple[InputFile, InputFile], settings: dict[str, object],
            drawn: tuple[InputFile, Agreement] | None) -> dict[str, object]:
    card, alignment = suggestion.model.card, suggestion.alignment
    return {"format": FORMAT, "program": "FusionINN", "version": __version__, "notice": NOTICE, "kind": KIND, "knows": KNOWS,
            "name": NAME, "volume_ml": round(suggestion.volume_ml, 3),
            "inputs": {role: {"file": file.name, "sha256": file.sha256} for role, file in zip(("first", "second"), inputs)},
            "alignment": {"mode": alignment.mode, "resampled": alignment.resampled, "shift_mm": alignment.shift_mm,
                          "rotation_deg": alignment.rotation_deg,
                          "reference_to_moving_ras_mm": np.asarray(alignment.transform).tolist()},
            "model": {"id": card.id, "sha256": card.sha256, "rule": suggestion.model.rule.to_dict()},
            "settings": settings, "warnings": list(suggestion.warnings),
            "drawn": None if drawn is None else {"file": drawn[0].name, "sha256": drawn[0].sha256, **asdict(drawn[1])}}
