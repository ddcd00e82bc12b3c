"""Sizes of errors in a byte each: twelfths of octaves from 2**-20 on."""
import numpy as np

ABOVE = 2.0 ** (1 / 24)  # times an error: the byte then says no less than it
_OCTAVE, _LEAST = 12.0, -20.0


def to_bytes(errors: np.ndarray) -> np.ndarray:
    """Errors of any shape, nominal, none below 0 -> uint8; 0 is none."""
    with np.errstate(divide="ignore"):
        return np.clip(np.rint(_OCTAVE * (np.log2(errors) - _LEAST)), 0, 255).astype(np.uint8)


def from_bytes(errors: np.ndarray) -> np.ndarray:
    """What `to_bytes` was given, to 3 %."""
    return np.where(errors, 2.0 ** (errors / _OCTAVE + _LEAST), 0.0)
