"""256 grey levels for a fused image, of which one is exactly 0: the background is to be black to the last digit."""
from dataclasses import dataclass

import numpy as np

from FusionINNLib.methods.rdh.digits import TOP


@dataclass(frozen=True)
class Grey:
    """value = (level - zero) * step, on the nominal scale."""

    step: float
    zero: int

    def to_levels(self, values: np.ndarray) -> np.ndarray:
        """Values of any shape -> real levels, float64."""
        return values.astype(np.float64) / self.step + self.zero

    def to_values(self, levels: np.ndarray) -> np.ndarray:
        """Levels of any shape -> values, float32: the same for the same levels on every machine."""
        return ((levels.astype(np.float64) - self.zero) * self.step).astype(np.float32)


def fitted(average: np.ndarray) -> Grey:
    """The levels that hold all of an average of any shape, which has values above 0."""
    low, high = min(0.0, float(average.min())), float(average.max())
    zero = int(np.ceil(-low / max(high - low, 1e-12) * TOP))
    step = max(high / (TOP - zero) if zero < TOP else 0.0, -low / zero if zero else 0.0, 1e-12)
    return Grey(float(np.float32(step)) * (1 + 2.0 ** -20), zero)
