"""Voxels of the head that passed no network: a rim of up to 3 where a head reaches the end of a slice whose sides are no multiples of 4,
and slices too extreme for it. There the fused image is the plain average of the sources, which tells nothing of their difference."""
import numpy as np
from scipy import ndimage

from FusionINNLib.methods.boxes import Box

SHOWN = 0.05  # estimates beyond this are no background
PASSED_NONE = "voxels of the head passed no network"
NEAR = 8  # voxels from which the difference of the sources is taken


def spread_outside(mean: np.ndarray, spread: np.ndarray, boxes: tuple[Box, ...]) -> int:
    """Put a spread where the estimates (2, K, J, I) show the fused image because no box is there; how many voxels those are.

    Each source differs from their average by half of their difference. Its root mean square is taken from the head near by, or from all
    boxes for a slice that has none; where there is no box at all, it may be as large as the average itself.
    """
    own = {box.k: _half_difference(mean[:, box.k], box) for box in boxes}
    everywhere = [half[1][half[0]] for half in own.values()]
    others = float(np.sqrt(np.concatenate(everywhere).mean())) if any(part.size for part in everywhere) else None
    count = 0
    for k in range(mean.shape[1]):
        outside = np.abs(mean[0, k]) > SHOWN
        if k in own:
            inside, squares, box = own[k]
            outside[box.index[1:]] = False
            if outside.any():
                spread[:, k][:, outside] = np.sqrt(_near(inside, squares))[outside]
        elif others is not None:
            spread[:, k][:, outside] = others
        else:
            spread[:, k][:, outside] = np.abs(mean[:, k][:, outside])
        count += int(outside.sum())
    return count


def _half_difference(estimates: np.ndarray, box: Box) -> tuple[np.ndarray, np.ndarray, Box]:
    """Where estimates (2, J, I) show the head inside the box, bool (J, I); and the square of half of their difference (J, I)."""
    inside = np.zeros(estimates.shape[1:], bool)
    inside[box.index[1:]] = np.abs(estimates[(slice(None), *box.index[1:])]).max(0) > SHOWN
    return inside, ((estimates[0] - estimates[1]) / 2) ** 2, box


def _near(inside: np.ndarray, squares: np.ndarray) -> np.ndarray:
    """Mean (J, I) of squares over the voxels inside within 8 in both directions; over all of them where there is none so near."""
    weighed, count = (ndimage.uniform_filter(part.astype(np.float64), 2 * NEAR + 1, mode="constant") for part in (squares * inside, inside))
    return np.where(count > 0.5 / (2 * NEAR + 1) ** 2, weighed / np.maximum(count, 1e-12), squares[inside].mean() if inside.any() else 0.0)


def what_is_outside(count: int) -> tuple[str, ...]:
    """A sentence on so many voxels; none for none."""
    if not count:
        return ()
    return (f"{count} {PASSED_NONE}, at the end of slices or in slices of extreme values: both estimates show the "
            "fused image there, and their spread is as large as the sources differ elsewhere.",)
