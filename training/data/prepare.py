"""Folders of cases in, compact prepared cases out: one compressed `.npz` a case, integers kept as they were, all contrasts together.

    DATA/<set>/<case>/{t1,t1ce,t2,flair,...,seg}.nii.gz  ->  OUT/<set>/<case>.npz

A case that cannot be used is skipped by name and reason. Cases that were prepared before are kept, so an interrupted run goes on.

Each holds `contrasts` (C, K, J, I) in the type of the source cropped to the head, `names` (C,), `offset` and `scale` (C,) of the
normalisation of the whole volume, and `labels` (K, J, I) uint8. Slices are axial, in the order of the file.
"""
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from FusionINNLib.atomic import replacing
from FusionINNLib.errors import InputError
from FusionINNLib.preprocessing.normalization import fit_volume
from FusionINNLib.volumes.foreground import foreground
from FusionINNLib.volumes.io import read_segmentation, read_volume
from FusionINNLib.volumes.volume import Volume

LABELS = ("seg", "lesion", "lesions")
ENDING = ".nii.gz"
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
    """Read one folder of NIfTI files.

    Raises InputError where a file is damaged, the contrasts lie on different grids, or they are not those that pairs are drawn from:
    FLAIR, and T1ce or T2.
    """
    paths = {path.name.removesuffix(ENDING): path for path in sorted(folder.glob(f"*{ENDING}"))}
    volumes = {name: read_volume(path) for name, path in paths.items() if name not in LABELS}
    labels = next((read_segmentation(paths[name]) for name in LABELS if name in paths), None)
    _check_grids(folder.name, volumes if labels is None else volumes | {"labels": labels})
    names = list(volumes)
    if "flair" not in names or not {"t1ce", "t2"} & set(names):
        raise InputError(f"{folder.name} holds neither T1ce with FLAIR nor T2 with FLAIR, the pairs that training prefers: "
                         f"add flair{ENDING}, and t1ce{ENDING} or t2{ENDING}.")
    maps = {name: fit_volume(volume.array) for name, volume in volumes.items()}
    arrays = {name: _finite(volume.array, maps[name].offset) for name, volume in volumes.items()}
    marks = np.zeros(next(iter(arrays.values())).shape, np.uint8) if labels is None else labels.array.astype(np.uint8)
    head = foreground(maps[name].apply(array) for name, array in arrays.items())
    box = (head.mean((1, 2)) > SMALLEST_HEAD, *_bounding_ranges(np.any(head, 0)))
    if not box[0].any():
        raise InputError(f"{folder.name} shows next to nothing but background: look at its volumes.")
    crop = [array[box[0]][:, box[1], box[2]] for array in arrays.values()]
    return PreparedCase(folder.name, names, np.stack(crop), np.array([m.offset for m in maps.values()], np.float32),
                        np.array([m.scale for m in maps.values()], np.float32), marks[box[0]][:, box[1], box[2]])


def _check_grids(case: str, volumes: dict[str, Volume]) -> None:
    (first, grid), *others = volumes.items()
    for name, volume in others:
        if not volume.same_grid(grid):
            sizes = " and ".join(f"{word} {'x'.join(map(str, part.shape[::-1]))}" for word, part in ((first, grid), (name, volume)))
            raise InputError(f"the volumes of {case} lie on different grids ({sizes}): such a case is for measuring only; "
                             "resample it onto one grid to train on it.")


def _finite(stored: np.ndarray, background: float) -> np.ndarray:
    """What is not finite becomes background, as in the pipeline."""
    return stored if stored.dtype.kind in "iu" or np.isfinite(stored).all() else np.where(np.isfinite(stored), stored, background)


def _bounding_ranges(mask: np.ndarray, margin: int = 4) -> tuple[slice, slice]:
    """The rows and columns of a (J, I) mask that hold anything, with a margin."""
    ranges = []
    for axis in (1, 0):
        hits = np.flatnonzero(mask.any(axis))
        ranges.append(slice(max(hits[0] - margin, 0), hits[-1] + 1 + margin))
    return tuple(ranges)


def save(case: PreparedCase, path: Path) -> None:
    """Write one prepared case, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as file:
        np.savez_compressed(file, contrasts=case.contrasts, names=np.array(case.names), offset=case.offset, scale=case.scale,
                            labels=case.labels)


def load(path: Path) -> PreparedCase:
    """Read one prepared case."""
    with np.load(path) as stored:
        return PreparedCase(path.stem, [str(name) for name in stored["names"]], stored["contrasts"], stored["offset"], stored["scale"],
                            stored["labels"])


def prepare(data: Path, out: Path, report: Callable[[str], None] = print) -> dict[str, str]:
    """Prepare every case of every set under `data`; returns the cases that were skipped, SET/CASE -> reason.

    Raises InputError where there is no case at all.
    """
    folders = sorted({path.parent for path in data.glob(f"*/*/*{ENDING}")})
    if not folders:
        raise InputError(f"{data} holds no cases: give a folder with SET/CASE/*{ENDING} in it.")
    skipped, done, kept = {}, 0, 0
    for folder in folders:
        name, target = f"{folder.parent.name}/{folder.name}", out / folder.parent.name / f"{folder.name}.npz"
        if target.exists():
            kept += 1
            continue
        try:
            case = prepare_case(folder)
        except InputError as problem:
            skipped[name] = str(problem)
            report(f"{name}: skipped")
            continue
        save(case, target)
        done += 1
        report(f"{name}: {', '.join(case.names)}, {case.contrasts.shape[1]} slices of {case.contrasts.shape[2]}x{case.contrasts.shape[3]}")
    report(f"{done} case(s) prepared, {kept} prepared before, {len(skipped)} skipped" + (":" if skipped else "."))
    for name, reason in skipped.items():
        report(f"  {name}: {reason}")
    return skipped
