"""Where the head is, defined once for everything that `python -m training evaluate` says about its inside."""
import numpy as np
from scipy import ndimage

LEVEL = 0.05  # on the nominal 0..1 scale


def head_mask(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Head of one slice, from both sources (J, I) on the nominal 0..1 scale: boolean (J, I).

    Where the larger of the two exceeds 0.05, without specks and threads (an opening by a cross of 3x3 pixels), with all holes filled.
    Holes are filled slice by slice: ventricles that are dark in both sources, sinuses, the skull between scalp and brain.
    """
    return ndimage.binary_fill_holes(ndimage.binary_opening(np.maximum(first, second) > LEVEL))
