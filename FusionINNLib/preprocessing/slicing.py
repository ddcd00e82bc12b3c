"""A volume as a stack of slices along the through-plane axis of its grid."""
import numpy as np


def to_stack(array: np.ndarray, axis: int) -> np.ndarray:
    """View of a volume (k, j, i) with the through-plane axis first."""
    return np.moveaxis(array, axis, 0)


def from_stack(stack: np.ndarray, axis: int) -> np.ndarray:
    """View of a stack with its first axis back where it was in the volume (k, j, i)."""
    return np.moveaxis(stack, 0, axis)
