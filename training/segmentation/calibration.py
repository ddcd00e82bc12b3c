"""How logits become probabilities that can be believed, and which islands are kept: chosen on patients that are not measured."""
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar

from FusionINNLib.outlining.outline import Rule, kept_islands

BINS = 15
LEAST_ML = (0.0, 0.25, 0.5, 1.0, 2.0)
LEAST_SHARE = (0.0, 0.1, 0.25, 0.5, 1.0)
_EVERY = 5  # of the pixels count for the temperature


@dataclass(frozen=True)
class Example:
    """A patient on the canvas. logits: (S, H, W). drawn, head: boolean. voxel_ml: of a pixel of the canvas, in mL."""

    logits: np.ndarray
    drawn: np.ndarray
    head: np.ndarray
    voxel_ml: float


def chosen_rule(examples: Sequence[Example]) -> Rule:
    """The temperature of the least cross-entropy inside the head, and the islands rule of the best mean Dice, at threshold .5."""
    temperature = fitted_temperature(examples)
    rules = [Rule(temperature, 0.5, least_ml, share) for least_ml in LEAST_ML for share in LEAST_SHARE]
    marked = [example.logits > 0 for example in examples]
    return max(rules, key=lambda rule: np.mean([_dice(kept_islands(found, example.voxel_ml, rule), example.drawn)
                                                for found, example in zip(marked, examples)]))


def fitted_temperature(examples: Sequence[Example]) -> float:
    """What logits are to be divided by; every patient counts alike."""
    parts = [(example.logits[example.head][::_EVERY].astype(np.float64), example.drawn[example.head][::_EVERY]) for example in examples]

    def cross_entropy(log_temperature: float) -> float:
        scale = np.exp(-log_temperature)
        return float(np.mean([np.mean(np.logaddexp(0, np.where(drawn, -logits, logits) * scale)) for logits, drawn in parts]))

    return float(np.exp(minimize_scalar(cross_entropy, bounds=(-2, 3), method="bounded").x))


def _dice(found: np.ndarray, drawn: np.ndarray) -> float:
    total = found.sum() + drawn.sum()
    return float(2 * (found & drawn).sum() / total) if total else 1.0


@dataclass
class Reliability:
    """Per bin of probability: number of voxels, sum of probabilities, and how many of them were drawn."""

    count: np.ndarray
    said: np.ndarray
    true: np.ndarray

    @classmethod
    def of(cls, probability: np.ndarray, drawn: np.ndarray) -> "Reliability":
        """Of flat arrays of voxels inside the head."""
        bins = np.minimum((probability * BINS).astype(int), BINS - 1)
        return cls(*(np.bincount(bins, weights, BINS).astype(float) for weights in (None, probability, drawn)))

    def __add__(self, other: "Reliability") -> "Reliability":
        return Reliability(self.count + other.count, self.said + other.said, self.true + other.true)

    @property
    def error(self) -> float:
        """Expected calibration error: mean over voxels of |share drawn - probability| of their bin."""
        return float(np.abs(self.true - self.said).sum() / max(1.0, self.count.sum()))
