"""Whether a run of training has come to rest, from its log of validations."""
import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from FusionINNLib.errors import InputError
from training.loop.config import Trainers, load_config

LEAST_GAIN = 0.01  # of the best loss: what the last part of the validations must have improved it by for more to be expected
LAST_PART = 0.25  # of the validations
FEWEST = 8  # validations below which nothing is said
MOST_RISE = 0.05  # of the best loss: what the last validation may lie above it on a plateau

CRITERION = (f"A run counts as converged when it has done all of its steps, its validations are at least {FEWEST}, the last quarter of "
             f"them lowered the best validation loss by less than {LEAST_GAIN:.0%} of it, and the last one lies no more than "
             f"{MOST_RISE:.0%} above it.")


@dataclass(frozen=True)
class Convergence:
    """Steps and validation losses of a run, and what they say.

    planned: steps in all. gain: share of the best loss that the last quarter took off it. seconds: of training. batch: what a step saw.
    """

    steps: tuple[int, ...]
    losses: tuple[float, ...]
    planned: int
    gain: float
    seconds: float
    batch: str = ""

    @property
    def is_finished(self) -> bool:
        """All steps are done."""
        return bool(self.steps) and self.steps[-1] >= self.planned

    @property
    def is_converged(self) -> bool:
        """See `CRITERION`."""
        return self.is_finished and len(self.losses) >= FEWEST and self.gain < LEAST_GAIN and self.rise <= MOST_RISE

    @property
    def rise(self) -> float:
        """Share of the best loss by which the last validation lies above it. For one validation or more."""
        return self.losses[-1] / min(self.losses) - 1

    @property
    def fall_of_last_part(self) -> float:
        """By how much the last quarter of the validations lowered the least loss; infinite for fewer than two."""
        return best_before_last_part(self.losses) - min(self.losses) if len(self.losses) > 1 else float("inf")

    @property
    def last_part(self) -> int:
        """Number of validations in the last quarter."""
        return _last_part(self.losses)

    @property
    def words(self) -> str:
        """For a table."""
        if self.is_converged:
            return "converged"
        if not self.is_finished:
            return f"not converged: {self.steps[-1] if self.steps else 0} of {self.planned} steps"
        if len(self.losses) < FEWEST:
            return f"not converged: {len(self.losses)} validations"
        if self.rise > MOST_RISE:
            return f"not converged: {self.rise:.0%} above its best at the end"
        return f"not converged: {self.gain:.1%} in the last quarter"


def convergence_of(run: Path, trainers: Trainers) -> Convergence:
    """From the log and the settings of a run; one without a log has done nothing. Raises InputError where they cannot be read."""
    try:
        return _convergence_of(run, trainers)
    except (OSError, ValueError, TypeError, KeyError) as problem:
        raise InputError(f"The run {run.name} lacks config.json, or that or log.csv is damaged: remove it and train again.") from problem


def _convergence_of(run: Path, trainers: Trainers) -> Convergence:
    config = load_config(run / "config.json", trainers)
    loss_of = trainers[config.preset].logged_loss
    steps, losses, seconds = [], [], 0.0
    if (run / "log.csv").exists():
        with (run / "log.csv").open(newline="") as file:
            for row in csv.DictReader(file):
                if steps and int(float(row["step"])) <= steps[-1]:
                    continue  # written twice around an interruption
                steps.append(int(float(row["step"])))
                losses.append(loss_of(config, row))
                seconds = float(row["seconds"])
    batch = f"{config.batch} x {config.crop} x {config.crop}"
    return Convergence(tuple(steps), tuple(losses), config.steps, gain_of_last_part(losses), seconds, batch)


def gain_of_last_part(losses: list[float]) -> float:
    """(best of all but the last quarter - best of all) / best of all but the last quarter; infinite for fewer than two."""
    if len(losses) < 2:
        return float("inf")
    before = best_before_last_part(losses)
    return (before - min(losses)) / before


def best_before_last_part(losses: Sequence[float]) -> float:
    """The least loss of all but the last quarter, for two losses or more."""
    return min(losses[:-_last_part(losses)])


def _last_part(losses: Sequence[float]) -> int:
    return max(1, round(len(losses) * LAST_PART))
