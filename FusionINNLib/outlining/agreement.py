"""How well two outlines agree: Dice, the distance of their surfaces, what was found and how much of it was right."""
import warnings
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Agreement:
    """dice, sensitivity, precision: 0..1. hd95_mm: larger of the two 95th percentiles of surface distances.

    None where it is not defined: Dice of two empty outlines, sensitivity without a drawn one, precision without a suggested one, a distance
    without both.
    """

    dice: float | None
    hd95_mm: float | None
    sensitivity: float | None
    precision: float | None


def agreement(suggested: np.ndarray, drawn: np.ndarray, spacing_mm: tuple[float, float, float]) -> Agreement:
    """Of boolean volumes (k, j, i) with voxel edges along (k, j, i)."""
    both, found, there = (int(np.count_nonzero(part)) for part in (suggested & drawn, suggested, drawn))
    return Agreement(dice(suggested, drawn),
                     hd95(suggested, drawn, spacing_mm) if found and there else None,
                     both / there if there else None, both / found if found else None)


def dice(suggested: np.ndarray, drawn: np.ndarray) -> float | None:
    """Of boolean volumes of one shape; None where both are empty."""
    total = int(np.count_nonzero(suggested)) + int(np.count_nonzero(drawn))
    return 2 * int(np.count_nonzero(suggested & drawn)) / total if total else None


def hd95(first: np.ndarray, second: np.ndarray, spacing_mm: tuple[float, float, float]) -> float:
    """95 % Hausdorff distance in mm by MONAI, of two boolean volumes (k, j, i) that are not empty. Slices at the edge count as surface."""
    import torch
    from monai.metrics.hausdorff_distance import compute_hausdorff_distance

    either = first | second
    box = tuple(slice(int(hits[0]), int(hits[-1]) + 1)
                for hits in (np.flatnonzero(either.any(tuple({0, 1, 2} - {axis}))) for axis in range(3)))
    pair = [torch.from_numpy(np.pad(part[box], 1)[None, None].astype(np.float32)) for part in (first, second)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own deprecations
        return float(compute_hausdorff_distance(pair[0], pair[1], include_background=True, percentile=95, spacing=list(spacing_mm)))
