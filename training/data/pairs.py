"""Windows of aligned pairs of any kind: T1ce and FLAIR, MR and CT, MR and the luminance of PET or SPECT."""
import numpy as np
from numpy.random import Generator

from training.data.prepare import PreparedCase
from training.data.windows import WindowSampler

MR = ("t1ce", "flair")


class PairSampler(WindowSampler):
    """Draws windows (2, crop, crop), from pixels of their own size to half of it, half of them mirrored left to right.

    The first is MR: T1ce, or the MR of a pair with another modality.
    """

    LEAST = 0.3

    @classmethod
    def is_usable(cls, case: PreparedCase) -> bool:
        """Whether it has such a pair."""
        return "mr" in case.names or set(MR) <= set(case.names)

    def _contrasts(self, case: PreparedCase, rng: Generator) -> list[int]:
        return [0, 1] if "mr" in case.names else [case.index(name) for name in MR]

    def _zoom(self, pair: np.ndarray, rng: Generator) -> float:
        return float(np.exp(rng.uniform(np.log(0.5), 0)))
