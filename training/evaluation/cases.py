"""What `python -m training evaluate` measures: pairs of volumes in columns, and the slices of each that count.

    DATA/brats18/<case>/{t1ce,t2,flair,seg}.nii.gz    the validation cases of the split
    DATA/isles22/<case>/{adc,flair,lesion}.nii.gz     the contrasts that were never trained on
    DATA/openms/<case>/{t1ce,t2,flair,lesions}.nii.gz a disease and a scanner that were never trained on
"""
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from FusionINNLib.errors import InputError
from FusionINNLib.preprocessing.slicing import to_stack
from FusionINNLib.results.records import Fusion
from FusionINNLib.volumes.io import read_segmentation
from training.data.crops import VALIDATED_SET
from training.data.splits import read_splits

LEAST_HEAD = 0.1  # share of a slice's pixels
MOST_SLICES = 24  # of one volume in the columns beyond the two that the targets are for


@dataclass(frozen=True)
class EvaluationCase:
    """Two volumes of one patient; `labels` are outlines for choosing slices and for pictures, on whichever grid."""

    name: str
    first: Path
    second: Path
    labels: Path
    reference: str  # "first" or "second", whose grid the fusion has


SliceChoice = Callable[[EvaluationCase, Fusion, np.ndarray], list[int]]


@dataclass(frozen=True)
class Column:
    """One column of the table. `choose` takes a case, its fusion and the head masks (K, J, I) and gives the slices to measure."""

    key: str
    title: str
    cases: tuple[EvaluationCase, ...]
    choose: SliceChoice
    slices: str  # what `choose` does, in words


def tumour_slices(case: EvaluationCase, fusion: Fusion, heads: np.ndarray) -> list[int]:
    """The slices of the paper: those whose annotation holds labels 1 and 2."""
    labels = to_stack(read_segmentation(case.labels).array, fusion.recipe.axis)
    return [k for k, part in enumerate(labels) if (part == 1).any() and (part == 2).any()]


def head_slices(case: EvaluationCase | None, fusion: Fusion, heads: np.ndarray) -> list[int]:
    """Slices with at least a tenth of head."""
    return [k for k, head in enumerate(heads) if head.mean() >= LEAST_HEAD]


def some_head_slices(case: EvaluationCase, fusion: Fusion, heads: np.ndarray) -> list[int]:
    """At most `MOST_SLICES` of them, evenly spaced."""
    slices = head_slices(case, fusion, heads)
    places = np.linspace(0, len(slices) - 1, min(MOST_SLICES, len(slices))).round().astype(int)
    return [slices[place] for place in places]


_TUMOUR = "slices whose annotation holds labels 1 and 2"
_HEAD = f"slices with at least {LEAST_HEAD:.0%} head"
_SOME = f"{_HEAD}, evenly spaced, {MOST_SLICES} at most"


def columns(data: Path, splits: Path) -> list[Column]:
    """All columns whose data are there. Raises InputError for a split file that cannot be used."""
    names = read_splits(splits).get(VALIDATED_SET, {}).get("val", [])
    brats = [data / VALIDATED_SET / name for name in names]
    if (missing := [folder.name for folder in brats if not folder.is_dir()]) and len(missing) < len(brats):
        raise InputError(f"{data} lacks {missing[0]}, a validation case of the split: a table without it would look complete; add it.")
    isles, openms = (sorted(path.parent for path in (data / name).glob("*/flair.nii.gz")) for name in ("isles22", "openms"))
    table = [
        Column("t1ce_flair", "T1ce / FLAIR", _cases(brats, "t1ce", "seg"), tumour_slices, _TUMOUR),
        Column("adc_flair", "ADC / FLAIR, onto FLAIR", _cases(isles, "adc", "lesion"), head_slices, _HEAD),
        Column("adc_flair_on_adc", "ADC / FLAIR, onto ADC", _cases(isles, "adc", "lesion", "first"), some_head_slices, _SOME),
        Column("t2_flair", "T2 / FLAIR", _cases(brats, "t2", "seg"), tumour_slices, _TUMOUR),
        Column("openms_t1ce_flair", "T1ce / FLAIR, openms", _cases(openms, "t1ce", "lesions"), some_head_slices, _SOME),
        Column("openms_t2_flair", "T2 / FLAIR, openms", _cases(openms, "t2", "lesions"), some_head_slices, _SOME)]
    return [column for column in table if column.cases]


def _cases(folders: list[Path], first: str, labels: str, reference: str = "second") -> tuple[EvaluationCase, ...]:
    return tuple(EvaluationCase(folder.name, folder / f"{first}.nii.gz", folder / "flair.nii.gz", folder / f"{labels}.nii.gz", reference)
                 for folder in folders if (folder / f"{first}.nii.gz").is_file())
