"""The difference of the sources in cubes: predicted from what is visible, transformed (DCT), quantised, and back."""
import numpy as np
from scipy import fft

from FusionINNLib.methods.rdh.blocks import SIDE, VOXELS

SLOPE_STEP, STEEPEST = 0.25, 8  # of slopes of the difference on the average, and how many at most; 2 is that of a source beside nothing
ROUNDING = 0.45  # what is added to a coefficient before it is cut to whole steps: less than a half, as small ones are the commoner ones
TOWARDS_0 = 0.04  # of a step, by which coefficients are nearer to 0 than the middle of their step
FILLED = 2  # times that voxels that are not coded are filled with what the coefficients beyond `ROUNDING` make of them
_AXES = (1, 2, 3)


def slopes(average: np.ndarray, difference: np.ndarray, shown: np.ndarray) -> np.ndarray:
    """(n,) whole multiples of `SLOPE_STEP` with which the difference follows the average where shown, cubes (n, 8, 8, 8)."""
    a, d = centred(average, shown), centred(difference, shown)
    slope = (a * d).sum(_AXES) / np.maximum((a * a).sum(_AXES), 1e-9)
    return np.clip(np.rint(slope / SLOPE_STEP), -STEEPEST, STEEPEST).astype(np.int64)


def predicted(slope: np.ndarray, average: np.ndarray, shown: np.ndarray) -> np.ndarray:
    """What these slopes (n,) make of an average in cubes (n, 8, 8, 8); its mean is coded."""
    return slope[:, None, None, None] * SLOPE_STEP * centred(average, shown)


def centred(cubes: np.ndarray, shown: np.ndarray) -> np.ndarray:
    """Cubes (n, 8, 8, 8) less their mean where shown, 0 elsewhere."""
    mean = np.where(shown, cubes, 0).sum(_AXES) / np.maximum(shown.sum(_AXES), 1)
    return np.where(shown, cubes - mean[:, None, None, None], 0)


def coefficients(residual: np.ndarray, shown: np.ndarray, step: np.ndarray) -> np.ndarray:
    """(n, 512) DCT of cubes (n, 8, 8, 8) in steps (n,); what is not shown may be anything and is chosen so that little is to be coded."""
    mean = np.where(shown, residual, 0).sum(_AXES) / np.maximum(shown.sum(_AXES), 1)
    cubes = np.where(shown, residual, mean[:, None, None, None])
    limit = (1 - ROUNDING) * step[:, None, None, None]
    for _ in range(FILLED):
        part = np.asarray(fft.dctn(cubes, axes=_AXES, norm="ortho"))
        part[np.abs(part) < limit] = 0
        cubes = np.where(shown, residual, np.asarray(fft.idctn(part, axes=_AXES, norm="ortho")))
    return np.asarray(fft.dctn(cubes, axes=_AXES, norm="ortho")).reshape(-1, VOXELS) / step[:, None]


def quantised(values: np.ndarray) -> np.ndarray:
    """Coefficients in steps -> whole ones."""
    return (np.sign(values) * np.floor(np.abs(values) + ROUNDING)).astype(np.int64)


def residual(whole: np.ndarray, step: np.ndarray) -> np.ndarray:
    """Cubes (n, 8, 8, 8) of whole coefficients (n, 512)."""
    values = (whole - TOWARDS_0 * np.sign(whole)) * step[:, None]
    return np.asarray(fft.idctn(values.reshape(-1, SIDE, SIDE, SIDE), axes=_AXES, norm="ortho"))
