"""The latent image: what the estimates of both sources lack, in one number a voxel, from which the sources come back exactly."""
from dataclasses import dataclass
from zlib import crc32

import numpy as np

_HALF = 2.0 ** 26  # the second source's whole number is below half of this: both fit into the 53 bits of float64
_LARGEST = 2.0 ** 24
_PART = 8  # of a stored integer: rounding and other machines' last digits stay far below a half


@dataclass(frozen=True)
class Packing:
    """units: powers of 2, nominal, of which errors are whole multiples. whole: whether stored values are whole numbers. crc: of the
    latent image, see `crc_of`."""

    units: tuple[float, float]
    whole: tuple[bool, bool]
    crc: int


def unit_of(errors: np.ndarray, scale: float, is_whole: bool) -> float:
    """The unit for errors of any shape: an eighth of a stored integer, or as fine as there is room for.

    scale: stored numbers in 1 of the nominal scale.
    """
    finest = 2.0 ** np.ceil(np.log2(max(float(np.abs(errors).max()), 1e-9) / _LARGEST))
    return max(finest, 2.0 ** np.floor(np.log2(1 / (_PART * scale)))) if is_whole else finest


def packed(errors: tuple[np.ndarray, np.ndarray], units: tuple[float, float]) -> np.ndarray:
    """Errors (k, j, i) of both estimates, nominal -> latent, float64, on the scale of the first's errors; the second's is in its last
    digits."""
    first, second = (np.rint(error / unit) for error, unit in zip(errors, units))
    return (first + second / _HALF) * units[0]


def crc_of(latent: np.ndarray) -> int:
    """CRC-32 of a latent (k, j, i), by which the one of another fusion is told."""
    return crc32(np.ascontiguousarray(latent + 0.0, "<f8").tobytes())  # + 0.0: there is one zero, whoever stored it


def unpacked(latent: np.ndarray, units: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    """What `packed` was given, to half of the units."""
    both = latent / units[0]
    first = np.rint(both)
    return first * units[0], (both - first) * _HALF * units[1]
