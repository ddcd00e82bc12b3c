"""Windows of single contrasts, for a network that is to know what MR slices look like: details and whole slices, one image at a time."""
import numpy as np
from numpy.random import Generator

from FusionINNLib.volumes.foreground import foreground
from training.data.crops import CropSampler
from training.data.prepare import PreparedCase

CONTRASTS = ("t1ce", "flair")  # of which the prior of a fusion of the two must know both


class WindowSampler(CropSampler):
    """Draws windows (1, crop, crop) from the slices of T1ce and FLAIR, from pixels of their own size to the whole slice made small, half of
    them mirrored left to right. Nothing else is changed: what is drawn is what slices look like.

    LEAST: share of a window that belongs to the head, where five tries find one.
    """

    LEAST = 0.1

    def __init__(self, cases: dict[str, list[PreparedCase]], shares: dict[str, float], crop: int):
        super().__init__({name: [case for case in some if self.is_usable(case)] for name, some in cases.items()}, shares, crop)

    @classmethod
    def is_usable(cls, case: PreparedCase) -> bool:
        """Whether there is something to draw from it."""
        return bool(set(CONTRASTS) & set(case.names))

    def draw(self, rng: Generator) -> np.ndarray:
        """One window."""
        cases = self.cases[self.sets[rng.choice(len(self.sets), p=self.weights)]]
        case = cases[rng.integers(len(cases))]
        for _ in range(5):
            window = self._crop(case.sources(self._slice(case, rng), self._contrasts(case, rng)), rng)
            if foreground(window).mean() > self.LEAST:
                break
        return np.ascontiguousarray(window[..., ::-1] if rng.random() < 0.5 else window, np.float32)

    def _contrasts(self, case: PreparedCase, rng: Generator) -> list[int]:
        usable = [case.index(name) for name in CONTRASTS if name in case.names]
        return [usable[rng.integers(len(usable))]]

    def _zoom(self, pair: np.ndarray, rng: Generator) -> float:
        """From 1 to what makes the longer side of the slice that of the window, all ratios as often."""
        whole = min(1.0, self.crop / max(pair.shape[1:]))
        return float(np.exp(rng.uniform(np.log(whole), 0)))
