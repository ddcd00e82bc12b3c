"""A made-up folder of cases for the tests of `training/`, its split, and settings of a run that takes a second."""
import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from FusionINNLib.phantom.case import small_case
from FusionINNLib.volumes.io import write_nifti
from FusionINNLib.volumes.volume import Volume
from training.data.prepare import prepare
from training.trainers.fusioninn import FusionInnConfig
from training.trainers.paper import PublishedConfig

SHAPE = (8, 48, 44)
SPLIT = {"brats18": {"train": ["a", "b"], "val": ["c"]}, "lgg": {"train": ["d"], "val": ["e"]}}
TINY = {"half_before": 1, "quarter": 1, "half_after": 1, "half_width": 8, "quarter_width": 8}
SETTINGS = {"settings": TINY, "steps": 6, "batch": 2, "crop": 32, "validate_every": 3, "warm_up": 2}
RUN = FusionInnConfig(**SETTINGS | {"batch": 4})
PAPER_RUN = PublishedConfig(steps=6, batch=4, crop=32, validate_every=3)


def write_data(folder: Path) -> Path:
    """DATA/<set>/<case>/: five cases for training, one on unlike grids (isles22), one of another disease (openms)."""
    for name, parts in SPLIT.items():
        for seed, case in enumerate([*parts["train"], *parts["val"]], start=10 * len(name)):
            write_case(folder / name / case, seed)
    write_case(folder / "openms" / "patient", 7, labels="lesions")
    made = small_case(SHAPE, seed=8)
    affine = made.first.affine.copy()
    affine[:3, 3] += (1.5, 0, 0)
    adc = Volume(np.ascontiguousarray(made.first.array[:, :-2, :]).astype(np.float32), affine, "adc")
    folder = folder / "isles22" / "stroke"
    folder.mkdir(parents=True)
    write_nifti(adc, folder / "adc.nii.gz")
    write_nifti(made.second, folder / "flair.nii.gz")
    write_nifti(replace(adc, array=(made.segmentation.array[:, :-2, :] > 0).astype(np.uint8)), folder / "lesion.nii.gz")
    return folder.parents[1]


def write_place(folder: Path) -> Path:
    """data/, prepared/ and splits.json in a folder: what every command of `training/` starts from."""
    write_data(folder / "data")
    prepare(folder / "data", folder / "prepared", lambda line: None)
    write_splits(folder)
    return folder


def write_case(folder: Path, seed: int, labels: str = "seg") -> None:
    """One head in the four contrasts of BraTS, all made from an ADC map and a FLAIR, with labels 1, 2, 4."""
    made = small_case(SHAPE, seed)
    adc, flair = made.first.array.astype(np.float64), made.second.array.astype(np.float64)
    mixes = {"flair": flair, "t2": adc / 4, "t1": np.maximum(700 - adc / 5, 0) * (flair > 60),
             "t1ce": flair / 2 + 150 * (made.segmentation.array == 4)}
    folder.mkdir(parents=True)
    for name, array in mixes.items():
        write_nifti(replace(made.second, array=array.round().astype(np.int16)), folder / f"{name}.nii.gz")
    write_nifti(made.segmentation, folder / f"{labels}.nii.gz")


def write_splits(folder: Path) -> Path:
    """The split of these cases as a file."""
    path = folder / "splits.json"
    path.write_text(json.dumps(SPLIT))
    return path
