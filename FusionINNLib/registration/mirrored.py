"""Is one of two volumes mirrored left to right? No header says so; but heads are unlike enough on both sides for similarities to tell."""
from dataclasses import replace

import numpy as np

from FusionINNLib.registration.resampling import thinned
from FusionINNLib.registration.rigid import Head, find_head, mutual_information
from FusionINNLib.volumes.volume import Volume

FITS_BETTER = 1.1
"""Factor of mutual information by which the mirrored volume has to fit better: of 18 real pairs, none comes to more than 0.95, and each of
them with one volume mirrored to more than 1.12."""
LEAST_FIT = 0.1
"""Mutual information, in bits, that the mirrored volume has to reach: where contrasts say next to nothing of each other, as in a few slices
near the vertex, one side fits the other by chance (0.05 to 0.09 in slabs of 8 slices that were told wrongly; mirrored heads have 0.11 or
more)."""
_VOXELS = 5e5
_SHIFTS = range(-2, 3)


def mirrored_warning(reference: Volume, moving: Volume) -> tuple[str, ...]:
    """A sentence where `moving`, on the grid of the reference, fits clearly better mirrored; nothing otherwise."""
    gain = gain_of_mirroring(reference, moving)
    if gain < FITS_BETTER:
        return ()
    return (f"{moving.name} fits {reference.name} better when it is mirrored left to right (mutual information times {gain:.2f}): one of "
            "them may be stored mirrored; compare the sides with the scanner's own pictures.",)


def gain_of_mirroring(reference: Volume, moving: Volume) -> float:
    """Mutual information with `moving` mirrored left to right over that with it as it is; both lie on one grid. 0 where there is no head,
    or where not even the mirrored volume fits.

    Mirrored about the middle of its head and brought to that of the reference, to whole voxels of a thinned grid, the best of some shifts.
    """
    step = max(1, round((reference.array.size / _VOXELS) ** (1 / 3)))
    first, second = find_head(thinned(reference, step)), find_head(thinned(moving, step))
    axis = 2 - int(np.argmax(np.abs(reference.affine[0, :3]) / np.linalg.norm(reference.affine[:3, :3], axis=0)))
    if not first.mask.any() or not second.mask.any() or reference.array.shape[axis] == 1:
        return 0.0
    mirrored = replace(second, values=np.flip(second.values, axis), mask=np.flip(second.mask, axis))
    as_it_is = _fit(first, second, axis, 0)
    apart = round(_middle(first, axis) - _middle(mirrored, axis))
    best = max(_fit(first, mirrored, axis, apart + shift) for shift in _SHIFTS)
    return best / as_it_is if as_it_is > 0 and best >= LEAST_FIT else 0.0


def _middle(head: Head, axis: int) -> float:
    inside = head.mask.sum(axis=tuple(other for other in range(3) if other != axis))
    return float(np.average(np.arange(len(inside)), weights=inside))


def _fit(first: Head, second: Head, axis: int, shift: int) -> float:
    values, mask = np.roll(second.values, shift, axis), np.roll(second.mask, shift, axis)
    either = first.mask | mask
    return mutual_information(first.values[either], values[either])
