"""Report pages of the cases that may be published, small enough for a repository."""
import io
from dataclasses import replace

import numpy as np
from PIL import Image

from FusionINNLib import pipeline
from FusionINNLib.registration.resampling import resample_labels
from FusionINNLib.reports import report
from FusionINNLib.results.records import Fusion
from FusionINNLib.volumes.io import read_segmentation
from FusionINNLib.volumes.volume import Volume
from training.evaluation.cases import EvaluationCase

LARGEST = 1_400_000  # bytes
PUBLISHABLE = {("isles22", "adc.nii.gz", "second"): "isles22.png", ("openms", "t1ce.nii.gz", "second"): "openms.png"}
"""Which data may be shown, with attribution, and under what name: set, first volume, reference."""


def picture_of(case: EvaluationCase, fusion: Fusion, model: str, device: str) -> tuple[str, bytes] | None:
    """Name and PNG of a case's report page; None for data that may not be shown."""
    name = PUBLISHABLE.get((case.first.parent.parent.name, case.first.name, case.reference))
    if name is None:
        return None
    outlines = _moved_labels(case, fusion) if case.labels.is_file() else None
    preview = pipeline.preview(fusion, report.slices_to_show(fusion, outlines), model=model, device=device)
    return name, small_png(report.fusion_report(fusion, outlines, preview).convert("RGB"))


def _moved_labels(case: EvaluationCase, fusion: Fusion) -> Volume:
    """Labels on the fused grid; those that lie on the grid of the volume that was moved are moved with it."""
    labels = read_segmentation(case.labels)
    if not labels.same_grid(fusion.fused):
        labels = replace(labels, affine=np.linalg.inv(fusion.alignment.transform) @ labels.affine)
    return resample_labels(labels, fusion.fused)


def small_png(page: Image.Image, largest: int = LARGEST) -> bytes:
    """An RGB page as PNG of at most so many bytes: as it is, else with 256 colours, else ever smaller."""
    content = _png(page)
    while len(content) > largest:
        content = _png(page.quantize(256, dither=Image.Dither.NONE))
        page = page.resize([round(side * 0.9) for side in page.size], Image.Resampling.LANCZOS)
    return content


def _png(page: Image.Image) -> bytes:
    file = io.BytesIO()
    page.save(file, format="PNG", optimize=True)
    return file.getvalue()
