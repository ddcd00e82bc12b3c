"""The images of a decomposition, one record each: what an image is called and says of itself wherever it is kept or shown.

File sets, units, nodes, parameters, descriptions, columns of the report and rows of numbers are made from these, in this order. Names of
files and of node attributes are on disk: they never change.
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class ImageKind:
    """What images of one kind have in common.

    name: the attribute `Kind` of nodes. words: in the header of the file. node_words: in the name of a node. description: of a node.
    """

    name: str
    words: str
    node_words: str
    description: str


EXACT = ImageKind("exact", "exact", "exact", "Decomposed exactly, with the saved latent.")
ESTIMATED_WORDS = "ESTIMATED from the fused image alone: a computed guess, not a scan."
ESTIMATED = ImageKind("estimated", "ESTIMATED, not a scan", "ESTIMATED", ESTIMATED_WORDS)
SPREAD = ImageKind("spread", "ESTIMATED: standard deviation", "ESTIMATED spread",
                   "ESTIMATED: standard deviation of the estimate, by its own account.")
CYCLE = ImageKind("cycle", "ESTIMATED: fused again minus fused", "ESTIMATED cycle error",
                  "ESTIMATED: the estimate fused again, minus the fused image.")


@dataclass(frozen=True)
class DecomposedImage:
    """One image.

    field: of `records.Estimate`, of an exact one which source it is. file: in a result folder. node_field: of `mrml.EstimateNodes`, and by
    which a loaded node is known. parameter: of the panel's parameter node. role: which source it shows, 0 or 1; None for neither, as it is
    on the scale of the fused image. column: over it in a report.
    """

    field: str
    file: str
    node_field: str
    parameter: str
    kind: ImageKind
    role: int | None
    column: str

    @property
    def name(self) -> str:
        """Of its volume: its file's without the ending."""
        return self.file.removesuffix(".nii.gz")

    def unit_of(self, units: Sequence[str]) -> str:
        """Its unit, where the sources have these."""
        return "" if self.role is None else units[self.role]


EXACT_IMAGES = (
    DecomposedImage("first", "first_exact.nii.gz", "firstExact", "firstExact", EXACT, 0, "Decomposed first"),
    DecomposedImage("second", "second_exact.nii.gz", "secondExact", "secondExact", EXACT, 1, "Decomposed second"))

ESTIMATE_IMAGES = (
    DecomposedImage("first", "first_estimated.nii.gz", "first", "firstEstimated", ESTIMATED, 0, "Estimated first"),
    DecomposedImage("second", "second_estimated.nii.gz", "second", "secondEstimated", ESTIMATED, 1, "Estimated second"),
    DecomposedImage("first_spread", "first_spread.nii.gz", "firstSpread", "firstSpread", SPREAD, 0, "Spread of first"),
    DecomposedImage("second_spread", "second_spread.nii.gz", "secondSpread", "secondSpread", SPREAD, 1, "Spread of second"),
    DecomposedImage("cycle_error", "cycle_error.nii.gz", "cycleError", "cycleError", CYCLE, None, "Fused again - fused"))
"""In the order of the fields of `records.Estimate` and of `mrml.EstimateNodes`."""

ESTIMATE_KINDS = frozenset(image.kind.name for image in ESTIMATE_IMAGES)
