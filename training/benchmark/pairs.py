"""The pairs of images that every method is given, set by set, whole slices with their masks.

    DATA/brats18/<case>/{t1ce,flair,seg}.nii.gz   validation cases of the split, slices with labels 1 and 2: those of the paper
    DATA/openms/<case>/{t1ce,flair}.nii.gz        transfer: never trained on; its pictures may be published
    DATA/isles22/<case>/{adc,flair}.nii.gz        transfer to contrasts that were never trained on, on the grid of the ADC
"""
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from FusionINNLib.errors import FusionINNError, InputError
from FusionINNLib.preprocessing.normalization import fit_slice, fit_volume, scaled
from FusionINNLib.preprocessing.slicing import to_stack
from FusionINNLib.registration.alignment import align
from FusionINNLib.reports.slice_view import SliceView, slice_view
from FusionINNLib.volumes.foreground import filled_foreground
from FusionINNLib.volumes.io import read_segmentation, read_volume
from FusionINNLib.volumes.volume import Volume, check_voxels
from training.cached import checksum
from training.data.crops import VALIDATED_SET
from training.data.splits import read_splits
from training.evaluation.cases import LEAST_HEAD, MOST_SLICES

SMALLEST_MASK = 100  # pixels of the head in a slice that is measured


@dataclass(frozen=True)
class CasePairs:
    """The slices of one patient. first, second: (n, J, I) float32 on nominal 0..1; mask: (n, J, I) bool, the head; numbers: k of each."""

    name: str
    numbers: tuple[int, ...]
    first: np.ndarray
    second: np.ndarray
    mask: np.ndarray
    view: SliceView  # how a slice is turned for the screen

    @cached_property
    def checksum(self) -> str:
        """SHA-256 of all of it."""
        return checksum([repr(self.numbers).encode(),
                         *(np.ascontiguousarray(part).tobytes() for part in (self.first, self.second, self.mask))])


@dataclass(frozen=True)
class PairSet:
    """Patients that are averaged over.

    words: which slices, on which scale. contrasts: names of both images. load: reads one folder.
    """

    key: str
    title: str
    words: str
    contrasts: tuple[str, str]
    folders: tuple[Path, ...]
    load: Callable[[Path, int | None], CasePairs]
    is_published: bool  # whether pictures of it may be shown


def pair_sets(data: Path, splits: Path) -> list[PairSet]:
    """All sets whose data are there, that of the paper first. Raises InputError for a split file that cannot be used."""
    brats = [data / VALIDATED_SET / name for name in read_splits(splits).get(VALIDATED_SET, {}).get("val", [])]
    openms, isles = (sorted(path for path in (data / name).glob("*") if path.is_dir()) for name in ("openms", "isles22"))
    some = f"slices with at least {LEAST_HEAD:.0%} head, evenly spaced, {MOST_SLICES} at most; scale of the volume, as the program has it"
    tumour = "slices with labels 1 and 2; each from its minimum to its maximum, as published"
    table = [PairSet("brats18", "BraTS 2018, T1ce / FLAIR", tumour,
                     ("T1ce", "FLAIR"), tuple(brats), tumour_pairs, False),
             PairSet("openms", "open_ms_data, T1ce / FLAIR", some, ("T1ce", "FLAIR"), tuple(openms), openms_pairs, True),
             PairSet("isles22", "ISLES 2022, ADC / FLAIR", f"grid of the ADC; {some}", ("ADC", "FLAIR"), tuple(isles), isles_pairs, True)]
    return [entry for entry in table if any(folder.is_dir() for folder in entry.folders)]


def load_cases(entry: PairSet, most: int | None, report: Callable[[str], None]) -> Iterator[CasePairs | tuple[str, str]]:
    """Each patient's slices, evenly spaced ones where there are more than `most`; (name, reason) of one that cannot be used."""
    for folder in entry.folders:
        try:
            yield entry.load(folder, most)
        except FusionINNError as problem:
            report(f"{entry.key}/{folder.name}: skipped ({problem})")
            yield folder.name, str(problem)


def tumour_pairs(folder: Path, most: int | None) -> CasePairs:
    """T1ce and FLAIR, slices with labels 1 and 2, each image from its minimum to its maximum. Raises InputError as the readers do."""
    first, second = _on_one_grid(folder, "t1ce", "flair")
    labels = _read(folder, "seg", read_segmentation)
    if labels.shape != first.shape:
        raise InputError(f"the labels of {folder.name} lie on another grid: give seg.nii.gz on the grid of the images.")
    marks = to_stack(labels.array, first.through_plane_axis)
    wanted = [k for k, part in enumerate(marks) if (part == 1).any() and (part == 2).any()]
    if not wanted:
        raise InputError(f"{folder.name} has no slice with labels 1 and 2.")
    return _pairs(folder.name, first, second, wanted, most, scale_by_slice)


def openms_pairs(folder: Path, most: int | None) -> CasePairs:
    """T1ce and FLAIR, slices with enough head. Raises InputError as the readers do."""
    first, second = _on_one_grid(folder, "t1ce", "flair")
    return _pairs(folder.name, first, second, None, most, scale_by_volume)


def isles_pairs(folder: Path, most: int | None) -> CasePairs:
    """ADC and FLAIR, the FLAIR registered onto the ADC as the program does it. Raises InputError as the readers do."""
    first, second = (check_voxels(_read(folder, name, read_volume)) for name in ("adc", "flair"))
    return _pairs(folder.name, first, align(first, second, "auto").volume, None, most, scale_by_volume)


def scale_by_slice(stack: np.ndarray) -> Callable[[int], np.ndarray]:
    """From stored numbers (K, J, I): slice k with 0 at its minimum and 1 at its maximum."""
    return lambda k: fit_slice(stack[k]).apply(stack[k])


def scale_by_volume(stack: np.ndarray) -> Callable[[int], np.ndarray]:
    """From stored numbers (K, J, I): slice k with 0 at the background and 1 at the 99.9th percentile of the head of the whole volume.

    What is not finite is background.
    """
    normalization = fit_volume(stack)
    return lambda k: scaled(stack[k], normalization)


def _on_one_grid(folder: Path, *names: str) -> tuple[Volume, Volume]:
    first, second = (check_voxels(_read(folder, name, read_volume)) for name in names)
    if not first.same_grid(second):
        raise InputError(f"the contrasts of {folder.name} lie on different grids: resample them onto one.")
    return first, second


def _read(folder: Path, name: str, reader: Callable[[Path], Volume]) -> Volume:
    path = folder / f"{name}.nii.gz"
    if not path.is_file():
        raise InputError(f"{folder.name} has no {path.name}: add it.")
    return reader(path)


def _pairs(name: str, first: Volume, second: Volume, wanted: list[int] | None, most: int | None,
           scale: Callable[[np.ndarray], Callable[[int], np.ndarray]]) -> CasePairs:
    """wanted: the slices that count; None for those with enough head, `MOST_SLICES` at most."""
    axis = first.through_plane_axis
    stacks = [to_stack(volume.array, axis) for volume in (first, second)]
    heads = _heads(stacks, range(len(stacks[0])) if wanted is None else wanted)
    least = LEAST_HEAD * stacks[0][0].size if wanted is None else SMALLEST_MASK
    numbers = evenly([k for k, head in heads.items() if head.sum() >= least], MOST_SLICES if wanted is None and most is None else most)
    if not numbers:
        raise InputError(f"{name} shows no head where it is to be measured: its mask is empty.")
    one, other = (np.stack([image(k) for k in numbers]).astype(np.float32) for image in map(scale, stacks))
    return CasePairs(name, tuple(numbers), one, other, np.stack([heads[k] for k in numbers]), slice_view(first.affine, axis))


def _heads(stacks: list[np.ndarray], wanted: Iterable[int]) -> dict[int, np.ndarray]:
    """Head of each wanted slice, always from the scale of the volume: the same mask on either scale."""
    first, second = map(scale_by_volume, stacks)
    return {k: filled_foreground(first(k), second(k)) for k in wanted}


def evenly(numbers: list[int], most: int | None) -> list[int]:
    """At most so many of them, evenly spaced."""
    if most is None or len(numbers) <= most:
        return numbers
    return [numbers[place] for place in np.linspace(0, len(numbers) - 1, most).round().astype(int)]
