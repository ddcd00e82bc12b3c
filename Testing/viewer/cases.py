"""Cases for tests: what the page has computed is done here and now, without a browser, and sources in colour as files."""
from pathlib import Path

import numpy as np
from PIL import Image

from FusionINNLib.phantom.case import small_case
from FusionINNLib.viewer import computations
from FusionINNLib.volumes.color_files import write_rgb
from FusionINNLib.volumes.io import write_nifti


def run(computation: computations.Computation) -> str:
    """Do it here and now; what the page would say."""
    return computation.keep(computation.task.run())


def heat(grey: np.ndarray) -> np.ndarray:
    """Grey levels through a map of colours, uint8 (..., 3)."""
    level = (grey - grey.min()) / np.ptp(grey)
    return np.rint(220 * np.stack([level, level ** 2, level ** 4], -1)).astype(np.uint8)


def colored_files(folder: Path) -> dict[str, Path]:
    """The small sample case as files, the second volume in colour: first, second."""
    case = small_case()
    paths = {"first": folder / "adc.nii.gz", "second": folder / "pet.nii.gz"}
    write_nifti(case.first, paths["first"])
    write_rgb(heat(case.second.array), case.second.affine, paths["second"], "a head in colour, made by code")
    return paths


def pictures(folder: Path) -> dict[str, Path]:
    """One slice of the small sample case as PNG pictures, the second in colour: first, second."""
    case = small_case()
    first, second = (volume.array[12].astype(np.float64) for volume in (case.first, case.second))
    paths = {"first": folder / "mr.png", "second": folder / "pet.png"}
    Image.fromarray(np.rint(255 * first / first.max()).astype(np.uint8)).save(paths["first"])
    Image.fromarray(heat(second)).save(paths["second"])
    return paths
