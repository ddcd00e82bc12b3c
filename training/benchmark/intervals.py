"""Means over patients with their uncertainty, and what a difference between two methods says."""
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

import numpy as np

RESAMPLES, SEED = 10_000, 0

Table = dict[str, dict[int, float]]
"""Case -> slice -> value of one metric."""


class Outcome(Enum):
    """What an interval says of a difference; the value is for readers."""

    BETTER = "better"
    TIED = "tied"
    WORSE = "worse"


@dataclass(frozen=True)
class Mean:
    """Mean over patients of the means over their slices, and its interval: 95 % of what other draws of such patients would give.

    Where there is but one patient: of such slices.
    """

    value: float
    low: float
    high: float

    @property
    def outcome(self) -> Outcome:
        """Of a difference: better where all of the interval lies above 0, worse below, else tied."""
        return Outcome.BETTER if self.low > 0 else Outcome.WORSE if self.high < 0 else Outcome.TIED


@dataclass(frozen=True)
class Difference:
    """A method minus another on the same slices.

    mean: over patients. slice_mean, slice_sd: over all slices. share: of the slices in which the method has the larger value.
    """

    mean: Mean
    slice_mean: float
    slice_sd: float
    share: float


def mean_of(table: Table) -> Mean:
    """Over patients; NaN where nothing is defined."""
    cases = [values for case in table.values() if (values := [value for value in case.values() if np.isfinite(value)])]
    if not cases:
        return Mean(float("nan"), float("nan"), float("nan"))
    units = np.array([np.mean(values) for values in cases]) if len(cases) > 1 else np.array(cases[0])
    return Mean(float(units.mean()), *_interval(units))


def difference(method: Table, other: Table) -> Difference:
    """Slice by slice, where both have a value."""
    paired = {name: {k: value - other[name][k] for k, value in case.items() if k in other[name]}
              for name, case in method.items() if name in other}
    paired = {name: {k: value for k, value in case.items() if np.isfinite(value)} for name, case in paired.items()}
    values = np.array([value for case in paired.values() for value in case.values()])
    if not values.size:
        nothing = float("nan")
        return Difference(mean_of({}), nothing, nothing, nothing)
    return Difference(mean_of(paired), float(values.mean()), float(values.std(ddof=min(1, values.size - 1))), float((values > 0).mean()))


def _interval(units: np.ndarray) -> tuple[float, float]:
    """2.5th and 97.5th percentile of the means of `RESAMPLES` draws with replacement."""
    if len(units) == 1:
        return float("nan"), float("nan")
    means = units[_draws(len(units))].mean(1)
    low, high = (float(value) for value in np.percentile(means, (2.5, 97.5)))
    return low, high


@lru_cache(maxsize=16)
def _draws(size: int) -> np.ndarray:
    """The same draws for all methods and metrics: intervals differ by the data alone."""
    return np.random.default_rng(SEED).integers(size, size=(RESAMPLES, size))
