"""From a network's logits to a probability in every voxel and an outline: temperature, threshold, and which islands are kept."""
from dataclasses import asdict, dataclass

import numpy as np
from scipy import ndimage

from FusionINNLib.outlining.canvas import Canvas


@dataclass(frozen=True)
class Rule:
    """How logits become an outline; temperature and islands are chosen on training patients only.

    temperature: what logits are divided by. threshold: of probability. least_ml: smaller islands are left out. least_share: those that
    are smaller than this share of the largest one, too (1 keeps the largest alone).
    """

    temperature: float = 1.0
    threshold: float = 0.5
    least_ml: float = 0.0
    least_share: float = 0.0

    def to_dict(self) -> dict[str, float]:
        """JSON-ready."""
        return asdict(self)


def probability_of(logits: np.ndarray, canvas: Canvas, temperature: float) -> np.ndarray:
    """Calibrated probability (k, j, i) float32 in the volume of logits on its canvas; 0 outside of the head's box."""
    return canvas.back(1 / (1 + np.exp(-np.clip(logits / temperature, -60, 60))))


def outline_of(probability: np.ndarray, voxel_ml: float, rule: Rule) -> np.ndarray:
    """Boolean (k, j, i): what is likely enough, without the islands that the rule leaves out. May be empty."""
    return kept_islands(probability >= rule.threshold, voxel_ml, rule)


def kept_islands(marked: np.ndarray, voxel_ml: float, rule: Rule) -> np.ndarray:
    """The islands (joined by faces, edges or corners) of a boolean (k, j, i) that are large enough.

    Args:
        voxel_ml: volume of a voxel in mL.
    """
    islands = np.zeros(marked.shape, np.int32)
    if not ndimage.label(marked, np.ones((3, 3, 3)), islands):
        return marked
    sizes = np.bincount(np.ravel(islands))
    sizes[0] = 0
    is_kept = (sizes * voxel_ml >= rule.least_ml) & (sizes >= rule.least_share * sizes.max())
    is_kept[0] = False
    return is_kept[islands]
