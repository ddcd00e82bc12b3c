"""When a suggestion should not be believed: what is said beside it."""
import numpy as np

from FusionINNLib.outlining.order import looks_exchanged
from FusionINNLib.volumes.volume import Volume

KNOWS = "The model knows gliomas on T1 with contrast and FLAIR, in this order, and nothing else."
LARGEST_ML = 350.0
"""More than gliomas have: the largest outline in the training data is below 250 mL."""
LEAST_SURE = 0.9
"""Median probability inside an outline. Of 58 gliomas one had less, of heads without a lesion all: chosen on them, see docs/healthy.md."""


def doubts(first: Volume, second: Volume, pair: tuple[Volume, Volume], probability: np.ndarray, marked: np.ndarray, volume_ml: float,
           surer: float) -> tuple[str, ...]:
    """Sentences for the user.

    Args:
        first, second: as they were given.
        pair: the same on one grid.
        probability: (k, j, i) float32.
        marked: boolean (k, j, i), the suggested outline.
        surer: see `order.surer_as_given`.
    """
    said: list[str] = []
    if np.array_equal(pair[0].array, pair[1].array):
        said.append("Both inputs are the same image, so one contrast is missing: do not trust the suggestion.")
    elif looks_exchanged(surer):
        said.append("The network is surer of these images in the other order: check that T1 with contrast is the first and FLAIR the "
                    "second.")
    for name, volume in (("first", first), ("second", second)):
        if volume.unit and "mm2" in volume.unit:
            said.append(f"The {name} image is a diffusion map ({volume.unit}): {KNOWS}")
    if _axis_of_slices(pair[0]) != 0:
        said.append("The slices are not axial; the network looks at axial ones, which are coarse here.")
    if not marked.any():
        said.append("Nothing was found that looks like a lesion. This does not say that there is none.")
    elif np.median(probability[marked]) < LEAST_SURE:
        said.append("The network is less sure of what it marks than it is of gliomas: there may be no lesion here.")
    if volume_ml > LARGEST_ML:
        said.append(f"The suggestion holds {volume_ml:.0f} mL, more than tumours do: do not trust it.")
    return tuple(said)


def _axis_of_slices(volume: Volume) -> int:
    """0 where slices run across the superior axis, else another number."""
    direction = np.abs(volume.affine[:3, 2 - volume.through_plane_axis])
    return int(np.argmax(direction) != 2)
