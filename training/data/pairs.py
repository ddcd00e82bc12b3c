"""Windows of aligned pairs of any kind: T1ce and FLAIR, MR and CT, MR and the luminance of PET or SPECT.

What is drawn is what pairs look like.
"""
import numpy as np
from numpy.random import Generator

from FusionINNLib.volumes.foreground import foreground
from training.data.crops import CropSampler
from training.data.prepare import PreparedCase

MR = ("t1ce", "flair")
LEAST = 0.3  # share of a window that belongs to the head


class PairSampler(CropSampler):
    """Draws windows (2, crop, crop), from pixels of their own size to half of it, half of them mirrored left to right.

    The first is MR: T1ce, or the MR of a pair with another modality.
    """

    def __init__(self, cases: dict[str, list[PreparedCase]], shares: dict[str, float], crop: int):
        super().__init__({name: usable for name, some in cases.items()
                          if (usable := [case for case in some if "mr" in case.names or set(MR) <= set(case.names)])}, shares, crop)

    def draw(self, rng: Generator) -> np.ndarray:
        """One window of which a good part belongs to the head, where five tries find one."""
        cases = self.cases[self.sets[rng.choice(len(self.sets), p=self.weights)]]
        case = cases[rng.integers(len(cases))]
        for _ in range(5):
            window = self._crop(case.sources(self._slice(case, rng), self._contrasts(case, rng)), rng)
            if foreground(window).mean() > LEAST:
                break
        return np.ascontiguousarray(window[..., ::-1] if rng.random() < 0.5 else window, np.float32)

    def _contrasts(self, case: PreparedCase, rng: Generator) -> list[int]:
        return [0, 1] if "mr" in case.names else [case.index(name) for name in MR]

    def _zoom(self, pair: np.ndarray, rng: Generator) -> float:
        return float(np.exp(rng.uniform(np.log(0.5), 0)))
