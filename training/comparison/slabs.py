"""The pairs that all methods are compared on, written as the files that a user would give: slabs of volumes, few enough slices to wait for.

    DATA/brats18/<case>/{t1ce,flair,seg}.nii.gz   validation cases of the split, around the middle of the tumour
    DATA/openms/<case>/{t1ce,flair}.nii.gz        never trained on; its pictures may be published
    DATA/isles22/<case>/{adc,flair}.nii.gz        never trained on, FLAIR on the grid of the ADC
    DATA/harvard/<kind>/<id>_{a,b}.png            validation and test cases of harvard/splits.json: the slices of one head, as a volume
"""
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from nibabel.nifti1 import Nifti1Image
from PIL import Image

from FusionINNLib.errors import InputError
from FusionINNLib.registration.alignment import align
from FusionINNLib.volumes.io import read_segmentation, read_volume
from FusionINNLib.volumes.nifti import write_nifti
from FusionINNLib.volumes.volume import Volume
from training.data.crops import VALIDATED_SET
from training.data.splits import read_splits

APART_MM = 5.0  # between slices of Harvard's pairs, whose spacing is not known: more than a pixel, so that they are told from it
LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601


@dataclass(frozen=True)
class Slab:
    """Two files to fuse. second_grey: the second source as one number a voxel, another file where that source is in colour."""

    name: str
    first: Path
    second: Path
    second_grey: Path

    @property
    def is_colored(self) -> bool:
        """Whether the second source is in colour."""
        return self.second != self.second_grey


@dataclass(frozen=True)
class SlabSet:
    """Patients that are averaged over. publishable: whether pictures of it may be shown."""

    key: str
    title: str
    publishable: bool
    slabs: tuple[Slab, ...]


def slab_sets(data: Path, splits: Path, folder: Path, most: int) -> list[SlabSet]:
    """All sets whose data are there, written into a folder, at most so many slices of each patient.

    Raises InputError where there is none.
    """
    names = read_splits(splits).get(VALIDATED_SET, {}).get("val", [])
    sets = [SlabSet(VALIDATED_SET, "BraTS 2018, T1ce / FLAIR", False,
                    tuple(_cut(data / VALIDATED_SET / name, "t1ce", folder, most, "seg") for name in names)),
            SlabSet("openms", "Multiple sclerosis (open_ms_data), T1ce / FLAIR", True,
                    tuple(_cut(case, "t1ce", folder, most) for case in _cases(data / "openms", "t1ce"))),
            SlabSet("isles22", "Stroke (ISLES 2022), ADC / FLAIR, on the grid of the ADC", False,
                    tuple(_cut(case, "adc", folder, most) for case in _cases(data / "isles22", "adc"))),
            *(SlabSet(kind, title, False, tuple(_stacked(data / "harvard", kind, folder, most)))
              for kind, title in (("ct-mri", "Harvard, MR / CT"), ("spect-mri", "Harvard, MR / SPECT in colour"),
                                  ("pet-mri", "Harvard, MR / PET in colour (a head that training saw other slices of)")))]
    if not (present := [entry for entry in sets if entry.slabs]):
        raise InputError(f"{data} holds none of the sets that methods are compared on: name the folder given to 'prepare'.")
    return present


def _cases(folder: Path, first: str) -> list[Path]:
    return sorted(path.parent for path in folder.glob("*/flair.nii.gz") if (path.parent / f"{first}.nii.gz").is_file())


def _cut(case: Path, first_name: str, folder: Path, most: int, labels: str | None = None) -> Slab:
    first, second = (read_volume(case / f"{name}.nii.gz") for name in (first_name, "flair"))
    if not first.same_grid(second):
        second = align(first, second, "auto").volume
    axis = first.through_plane_axis
    seen = read_segmentation(case / f"{labels}.nii.gz").array > 0 if labels else first.values > np.percentile(first.values, 50)
    along = np.flatnonzero(seen.any(tuple(other for other in range(3) if other != axis)))
    middle = int(along[0] + along[-1]) // 2 if len(along) else first.shape[axis] // 2
    start = max(0, min(middle - most // 2, first.shape[axis] - most))
    places = [folder / case.parent.name / case.name / f"{name}.nii.gz" for name in (first_name, "flair")]
    for volume, path in zip((first, second), places):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_nifti(_slices(volume, axis, start, min(start + most, first.shape[axis])), path)
    return Slab(case.name, places[0], places[1], places[1])


def _slices(volume: Volume, axis: int, start: int, end: int) -> Volume:
    """Slices [start, end) along an axis of (k, j, i), where they lie in the patient."""
    index: list[slice] = [slice(None)] * 3
    index[axis] = slice(start, end)
    affine = volume.affine.copy()
    affine[:3, 3] += affine[:3, 2 - axis] * start  # columns of the affine are i, j, k
    return replace(volume, array=np.ascontiguousarray(volume.array[tuple(index)]), affine=affine)


def _stacked(harvard: Path, kind: str, folder: Path, most: int) -> Iterator[Slab]:
    """A volume of each case that was not trained on: its pictures one above the other."""
    if not (harvard / "splits.json").is_file():
        return
    parts = json.loads((harvard / "splits.json").read_text(encoding="utf-8")).get(kind, {})
    for part in ("val", "test"):
        for case in parts.get(part, {}).get("cases", []):
            ids = sorted((name for name in parts[part]["ids"] if name[:-3] == case), key=int)
            ids = ids[(start := max(0, (len(ids) - most) // 2)):start + most]
            stacks = [np.stack([np.asarray(Image.open(harvard / kind / f"{name}_{letter}.png")) for name in ids]) for letter in "ab"]
            yield _written(folder / kind / case, stacks[0], stacks[1])


def _written(place: Path, first: np.ndarray, second: np.ndarray) -> Slab:
    """(K, J, I) uint8, the second perhaps (K, J, I, 3)."""
    place.mkdir(parents=True, exist_ok=True)
    affine = np.diag([-1.0, -1.0, APART_MM, 1.0])  # as pictures are shown: the patient's right on the left, front above
    grey = second if second.ndim == 3 else np.rint(second @ LUMA).astype(np.uint8)
    for name, stack in (("first", first), ("second_grey", grey)):
        write_nifti(Volume(np.ascontiguousarray(stack), affine, name), place / f"{name}.nii.gz")
    paths = place / "first.nii.gz", place / "second_grey.nii.gz"
    if second.ndim == 3:
        return Slab(f"case {place.name}", *paths, paths[1])
    colored = np.ascontiguousarray(second.transpose(2, 1, 0, 3)).view([("R", "u1"), ("G", "u1"), ("B", "u1")])[..., 0]
    Nifti1Image(colored, affine).to_filename(place / "second.nii.gz")  # RGB24, as scanners' consoles and Slicer write it
    return Slab(f"case {place.name}", paths[0], place / "second.nii.gz", paths[1])
