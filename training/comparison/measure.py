"""All figures of one method on one slab: the published metrics on evenly spaced slices, colour where there is some, time and memory."""
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from FusionINNLib.errors import InputError
from FusionINNLib.evaluation.inputs import read_comparison
from FusionINNLib.metrics import MASKED_KEYS, WHOLE_KEYS, evaluate_slice
from FusionINNLib.volumes.foreground import filled_foreground
from training.benchmark.pairs import evenly
from training.comparison.runs import Run
from training.comparison.slabs import Slab
from training.evaluation.color import color_figures

COLOR_FILE = "fused_color.nii.gz"
COLOR_KEYS = ("delta_e2000", "cb", "cr")
KEYS = (*WHOLE_KEYS, *MASKED_KEYS, *COLOR_KEYS)
LEAST_HEAD = 100  # pixels of a slice that is measured

SliceFigures = dict[int, dict[str, float]]


@dataclass(frozen=True)
class CaseFigures:
    """slices: number of a slice -> `KEYS`, NaN where a figure is not defined. count: slices that were fused."""

    name: str
    slices: SliceFigures
    count: int
    seconds: float
    megabytes: float


def measure(slab: Slab, run: Run, most: int) -> CaseFigures:
    """Of at most so many slices with a head in them, evenly spaced."""
    first, second, fused = read_comparison((slab.first, slab.second_grey, run.folder / "fused.nii.gz")).images
    masks = [filled_foreground(*pair) for pair in zip(first, second)]
    colors = _colors(slab, run.folder) if slab.is_colored else None
    figures: SliceFigures = {}
    for k in evenly([k for k, mask in enumerate(masks) if mask.sum() >= LEAST_HEAD], most):
        figures[k] = dict.fromkeys(KEYS, float("nan"))
        try:
            figures[k] |= evaluate_slice(first[k], second[k], fused[k], masks[k])
        except InputError:
            continue  # one of the images is constant there
        if colors is not None:
            figures[k] |= color_figures(*(volume[k] for volume in colors))
    return CaseFigures(slab.name, figures, len(first), run.seconds, run.megabytes)


def _colors(slab: Slab, folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Fused and functional image, (K, J, I, 3) in 0..1."""
    return _rgb(folder / COLOR_FILE), _rgb(slab.second)


def _rgb(path: Path) -> np.ndarray:
    import nibabel

    if not path.is_file():
        raise InputError(f"{path.name} was not written: a grey result of a source in colour.")
    voxels = np.asarray(nibabel.load(path).dataobj)
    return np.stack([voxels[name] for name in "RGB"], -1).squeeze().transpose(2, 1, 0, 3).astype(np.float64) / 255
