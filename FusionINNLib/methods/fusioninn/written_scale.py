"""Whether the voxels of a fused image are those that were written, by certain signs; and a gain and an offset taken off again.

Inside of boxes a fused image with exchanged digits is a multiple of 2**-23 (`digits.FUSED_GRID`), which float32 holds. Whatever was
computed with it since, even a gain of 1.000001, leaves numbers between: they say with certainty that something was changed, and, once a
gain or an offset was found from the levels in the record, whether it was that and nothing else.
"""
import numpy as np

from FusionINNLib.methods.fusioninn.digits import FUSED_GRID, OUTER, outer_share
from FusionINNLib.preprocessing.normalization import levels

READABLE = 0.35  # of a cell: from larger steps, training patients are estimated no better with digits than without
SHADE = 0.0125  # fused values beyond this were not touched by coring, whose digits are below the grid
LARGEST = 1.0  # beyond it, float32 does not tell the grid from its halves
DARKER = 0.45  # below it, float32 resolves a quarter of the grid
NEAR = 0.15  # parts of the grid that a voxel may lie beside it
FEW, MANY = 0.02, 0.1  # share of voxels beside the grid of an image as written, and of one that was scaled back
BETTER = 0.02  # share of outer digits by which integers must come nearer to those of a latent
SAMPLE = 200_000
NOTE = "The fused image was changed by a gain of {:.7g} and an offset of {:.4g} since it was written: this was undone"


def rounding_step(values: np.ndarray) -> float:
    """The step of the integers in which values of any shape are, or once were, stored; 0 where there is none."""
    gaps = np.diff(np.unique(_shown(values)).astype(np.float64))
    if not gaps.size or gaps.min() < 8 * FUSED_GRID:
        return 0.0
    step = gaps[gaps < 1.5 * gaps.min()].mean()
    close = gaps[gaps < 30 * step]  # across wide gaps, the error of the step adds up
    step = close.sum() / np.rint(close / step).sum()
    return float(step) if np.abs(close / step - np.rint(close / step)).max() < 0.25 else 0.0


def is_as_written(values: np.ndarray) -> bool:
    """Whether values of any shape lie on the grid of a fused image with exchanged digits."""
    return beside_the_grid(_shown(values)) < FEW


def beside_the_grid(some: np.ndarray) -> float:
    """Which share of voxels (n,) does not lie on the grid; 1 where there is none."""
    parts = some.astype(np.float64) / FUSED_GRID
    return float((np.abs(parts - np.rint(parts)) > NEAR).mean()) if some.size else 1.0


def on_written_scale(values: np.ndarray, meant: tuple[float, float], background: float, step: float,
                     cell: float) -> tuple[np.ndarray, tuple[str, ...]]:
    """Values (k, j, i), float32, without a gain and an offset that somebody applied, and a sentence on them; as they are where there are
    none, or where they cannot be proven.

    Args:
        meant: what `levels` gave for the image as it was written, on this grid.
        background: of the record; every voxel outside of boxes has it.
        step: of integers that the values were stored in, 0 for none.
        cell: of the exchange of digits.
    """
    found = levels(values)
    gain = (found[1] - found[0]) / max(meant[1] - meant[0], 1e-30)
    offset = found[0] - gain * meant[0]
    offset = 0.0 if abs(offset) < FUSED_GRID else offset
    if step:
        return _undone_in_steps(values, gain, offset, step, cell, max(map(abs, meant)))
    if not 0.2 < gain < 5 or is_as_written(values) and (abs(offset) < FUSED_GRID or abs(gain - 1) > 1e-5):
        return values, ()  # on the grid, an offset is felt in the background; other levels are those of an image that was painted over
    if _beside_undone(values, gain, offset) > FEW:
        gain, offset = _refined(_shown(values), gain, offset)
    if _beside_undone(values, gain, offset) > MANY:
        return values, ()
    undone = (values.astype(np.float64) - offset) / gain
    whole = np.rint(undone / FUSED_GRID) * FUSED_GRID
    undone = np.where((np.abs(undone) > SHADE) & (np.abs(undone) < LARGEST), whole, undone)
    undone[np.abs(undone - background) < 1e-8 * (offset != 0)] = background  # digits of black, below what float32 keeps beside an offset
    return undone.astype(np.float32), (_said(gain, offset),)


def _beside_undone(values: np.ndarray, gain: float, offset: float) -> float:
    """`beside_the_grid` without a gain and an offset, of darker voxels: float32 rounds those beyond .5 to halves of it."""
    some = (_shown(values).astype(np.float64) - offset) / gain
    return beside_the_grid(some[np.abs(some) < DARKER])


def _said(gain: float, offset: float) -> str:
    return NOTE.format(gain, 0.0 if abs(offset) < FUSED_GRID else offset)


def _refined(some: np.ndarray, gain: float, offset: float) -> tuple[float, float]:
    """Gain and offset by least squares on the grid, from the darkest voxels (n,), where no error of the gain is felt, to the brightest."""
    some = np.sort(some.astype(np.float64))
    some = some[some > offset + 2 * SHADE]
    for share in (0.05, 0.2, 0.5, 1.0):
        part = some[:max(50, int(share * some.size))]
        whole = np.rint((part - offset) / gain / FUSED_GRID) * FUSED_GRID
        if whole.size < 2 or np.ptp(whole) == 0:
            return gain, offset
        gain, offset = np.polyfit(whole, part, 1) if offset else (float(whole @ part / (whole @ whole)), 0.0)
    return float(gain), float(offset)


def _undone_in_steps(values: np.ndarray, gain: float, offset: float, step: float, cell: float,
                     bright: float) -> tuple[np.ndarray, tuple[str, ...]]:
    """As `on_written_scale` for integers, whose digits must be found better than before."""
    if abs(gain - 1) * bright <= step and abs(offset) <= step or not 0.2 < gain < 5:
        return values, ()
    undone = ((values.astype(np.float64) - offset) / gain).astype(np.float32)
    if outer_share(_shown(undone), cell) > min(OUTER, outer_share(_shown(values), cell) - BETTER):
        return values, ()
    return undone, (_said(gain, offset),)


def _shown(values: np.ndarray) -> np.ndarray:
    """Some voxels (n,) of the head, up to `SAMPLE`, from all parts of values of any shape."""
    flat = values.reshape(-1)
    size = np.abs(flat)
    some = flat[(size > SHADE) & (size < LARGEST)]
    return some[::max(1, some.size // SAMPLE)]
