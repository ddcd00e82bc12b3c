"""Folders of cases in, compact prepared cases out: one compressed `.npz` a case, integers kept as they were, all contrasts together.

    DATA/<set>/<case>/{t1,t1ce,t2,flair,...,seg}.nii.gz  ->  OUT/<set>/<case>.npz

Each holds `contrasts` (C, K, J, I) in the type of the source cropped to the head, `names` (C,), `offset` and `scale` (C,) of the normalisation
of the whole volume, and `labels` (K, J, I) uint8. Slices are axial, in the order of the file.
"""
import os
from dataclasses import dataclass
from pathlib import Path

import nibabel
import numpy as np

from FusionINNLib.errors import InputError
from FusionINNLib.normalization import fit_volume

LABELS = "seg"
SMALLEST_HEAD = 0.02  # slices with less head than this share of the field of view teach nothing


@dataclass
class PreparedCase:
    """One case in memory. `contrasts` (C, K, J, I) stored integers; `sources` gives them on the nominal 0..1 scale."""

    name: str
    names: list[str]
    contrasts: np.ndarray
    offset: np.ndarray
    scale: np.ndarray
    labels: np.ndarray

    def sources(self, k: int, chosen: list[int]) -> np.ndarray:
        """Slice k of the chosen contrasts, (len(chosen), J, I) float32 on the nominal 0..1 scale."""
        stored = self.contrasts[chosen, k].astype(np.float32)
        return (stored - self.offset[chosen, None, None]) / self.scale[chosen, None, None]

    def index(self, name: str) -> int:
        """Place of a contrast."""
        return self.names.index(name)


def prepare_case(folder: Path) -> PreparedCase:
    """Read one folder of NIfTI files. Raises InputError where it has fewer than two contrasts or they differ in size."""
    images = {path.name.removesuffix(".nii.gz"): nibabel.load(path) for path in sorted(folder.glob("*.nii.gz"))}
    labels_image = images.pop(LABELS, None)
    if len(images) < 2:
        raise InputError(f"{folder.name} holds {len(images)} contrast(s): put at least two co-registered .nii.gz files into each case folder.")
    arrays = {name: np.asarray(image.dataobj).T for name, image in images.items()}  # nibabel is (i, j, k); here (k, j, i)
    if len({array.shape for array in arrays.values()}) > 1:
        raise InputError(f"the contrasts of {folder.name} differ in size: resample them onto one grid first.")
    maps = {name: fit_volume(array) for name, array in arrays.items()}
    labels = np.asarray(labels_image.dataobj).T.astype(np.uint8) if labels_image else np.zeros(next(iter(arrays.values())).shape, np.uint8)
    head = np.max([maps[name].apply(array) > 0.05 for name, array in arrays.items()], 0)
    box = (head.mean((1, 2)) > SMALLEST_HEAD, *_bounding_ranges(head.any(0)))
    crop = [array[box[0]][:, box[1], box[2]] for array in arrays.values()]
    return PreparedCase(folder.name, list(arrays), np.stack(crop), np.array([m.offset for m in maps.values()], np.float32),
                        np.array([m.scale for m in maps.values()], np.float32), labels[box[0]][:, box[1], box[2]])


def _bounding_ranges(mask: np.ndarray, margin: int = 4) -> tuple[slice, slice]:
    """The rows and columns of a (J, I) mask that hold anything, with a margin."""
    ranges = []
    for axis in (1, 0):
        hits = np.flatnonzero(mask.any(axis))
        ranges.append(slice(max(hits[0] - margin, 0), hits[-1] + 1 + margin))
    return tuple(ranges)


def save(case: PreparedCase, path: Path) -> None:
    """Write one prepared case so that a half-written file never carries the final name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".part.npz")
    np.savez_compressed(temporary, contrasts=case.contrasts, names=np.array(case.names), offset=case.offset, scale=case.scale,
                        labels=case.labels)
    os.replace(temporary, path)


def load(path: Path) -> PreparedCase:
    """Read one prepared case."""
    with np.load(path) as stored:
        return PreparedCase(path.stem, [str(name) for name in stored["names"]], stored["contrasts"], stored["offset"], stored["scale"],
                            stored["labels"])


def prepare(data: Path, out: Path, report=print) -> list[str]:
    """Prepare every case of every set under `data`; returns the names of cases that were skipped, each said with its reason."""
    skipped = []
    for folder in sorted(path.parent for path in data.glob("*/*/flair.nii.gz")):
        target = out / folder.parent.name / f"{folder.name}.npz"
        if target.exists():
            continue
        try:
            case = prepare_case(folder)
        except (InputError, OSError, ValueError) as problem:
            skipped.append(folder.name)
            report(f"{folder.name}: skipped. {problem}")
            continue
        save(case, target)
        report(f"{folder.name}: {', '.join(case.names)}, {case.contrasts.shape[1]} slices of {case.contrasts.shape[2]}x{case.contrasts.shape[3]}")
    return skipped
