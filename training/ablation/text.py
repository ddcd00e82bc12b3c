"""What the page of Table 2 says in words: published values, trends as they came out, definitions."""
import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

import numpy as np
from scipy.stats import fisher_exact

from training.ablation.results import LOST, MOST, AblationResults, Training
from training.ablation.slices import WHOLE
from training.ablation.train import LONGER
from training.ablation.variants import MORE, PUBLISHED, USUAL
from training.loop.convergence import CRITERION
from training.markdown import listing

SOURCE = "Kumar et al. 2024, arXiv 2403.15769, Table 2"
PUBLISHED_VALUES = {
    "published": (0.921, 0.933, 0.976, 0.972),
    "alpha_0.2": (0.903, 0.929, 0.930, 0.930), "alpha_0.8": (0.926, 0.933, 0.927, 0.920), "alpha_1": (0.948, 0.898, 0.033, 0.004),
    "lambda_0.9": (0.925, 0.929, 0.974, 0.974), "lambda_0.99": (0.915, 0.928, 0.969, 0.974), "lambda_0.999": (0.935, 0.923, 0.937, 0.920),
    "k_1": (0.914, 0.943, 0.151, 0.093), "k_2": (0.935, 0.923, 0.945, 0.928), "k_4": (0.923, 0.936, 0.937, 0.939),
    "prior_zeros": (0.918, 0.930, 0.932, 0.928), "prior_ones": (0.916, 0.929, 0.967, 0.969), "prior_uniform": (0.924, 0.925, 0.958, 0.954)}
"""From `SOURCE`: Q_SSIM of the fused image to T1ce and FLAIR, of the estimates of T1ce and FLAIR."""

LEAST = 0.02  # differences of means below this are not read, however alike two trainings of the same settings may be
CHANCE = 0.05  # of a difference in successes, below which it is read
SETTLED = 0.008  # what a difference of `LEAST` in the estimates changes the published loss by


class Verdict(Enum):
    """What our rows say of a claim; the value is for readers."""

    CONFIRMED = "confirmed"
    REFUTED = "refuted"
    RARELY = "refuted, but it rarely does"
    NOT_SEEN = "not seen"
    NOT_MEASURED = "not measured"


@dataclass(frozen=True)
class Finding:
    """What ours say of a claim, and why.

    verdicts: of each part of the claim, by what it says ("than two"); of a claim of one part, by "". is_open: the verdicts are only where
    it points.
    """

    verdicts: dict[str, Verdict]
    why: str
    is_open: bool = False

    @property
    def words(self) -> str:
        """For readers."""
        said = "; ".join(f"{part}: {verdict.value}" if part else verdict.value for part, verdict in self.verdicts.items())
        return f"open, points to {said}" if self.is_open else said


@dataclass(frozen=True)
class Trend:
    """A claim of the published table, the rows it needs, and what ours say of it.

    compares: it says which row decomposes better, not that one cannot.
    """

    claim: str
    needs: tuple[str, ...]
    judge: Callable[[AblationResults], Finding]
    compares: bool = True


def finding_of(trend: Trend, results: AblationResults) -> Finding:
    """What ours say of a claim.

    Rows whose loss was still falling leave it open; where they point is said. So is where a row has no fused image.
    """
    if missing := [key for key in trend.needs if key not in results.rows]:
        return Finding({"": Verdict.NOT_MEASURED}, f"needs {', '.join(missing)}")
    found = trend.judge(results)
    said = found.why
    rows = {key: results.rows[key].best for key in trend.needs}
    if unfused := [f"{key} ({row.fused:.2f})" for key, row in rows.items() if row.fused < LOST]:
        said += f"; no fused image: {', '.join(unfused)}"
    if falling := [key for key, row in rows.items() if not is_settled(row)]:
        said += f"; not settled: {', '.join(falling)}"
    if trivial := [key for key, row in rows.items() if row.has_succeeded and not row.decomposes]:
        said += f"; takes nothing apart: {', '.join(trivial)}"
    is_doubtful = bool(falling) or (trend.compares and PUBLISHED.key in trivial)
    return Finding(found.verdicts, said, found.is_open or is_doubtful)


def is_settled(training: Training) -> bool:
    """Whether all steps are done and the last quarter of the validations lowered the least loss by less than `SETTLED`."""
    return training.convergence.is_finished and training.convergence.fall_of_last_part < SETTLED


def clear_difference(results: AblationResults) -> float:
    """What the estimates of two trainings must differ by to be told apart: 2 sqrt(2) standard deviations within rows, at least `LEAST`.

    Of the trainings that succeeded, in rows with two of them or more.
    """
    rows = [[training.estimate for training in row.trainings if training.has_succeeded] for row in results.rows.values()]
    rows = [values for values in rows if len(values) > 1]
    freedom = sum(len(values) - 1 for values in rows)
    squares = sum(np.var(values) * len(values) for values in rows)
    return max(LEAST, math.sqrt(8 * squares / freedom)) if freedom else math.inf


def _compared(results: AblationResults, better: str, *others: str) -> Verdict:
    """What ours say of a claim that one row decomposes better than others."""
    best = max((results.rows[key].best for key in others), key=lambda training: training.estimate)
    difference, clear = results.rows[better].best.estimate - best.estimate, clear_difference(results)
    return Verdict.CONFIRMED if difference >= clear else Verdict.REFUTED if difference <= -clear else Verdict.NOT_SEEN


def _one_block(results: AblationResults) -> Finding:
    return _cannot(results, "k_1", lambda training: training.decomposes, "decompose")


def _no_way_back(results: AblationResults) -> Finding:
    return _cannot(results, "alpha_1", lambda training: training.has_succeeded, "keep both sources")


def _cannot(results: AblationResults, row: str, can: Callable[[Training], bool], what: str) -> Finding:
    """What ours say of a claim that no training of a row can do what those of the published network can.

    By how many of them do, against those of all rows with three blocks and a loss on the way back: Fisher's exact test.
    """
    ours = [can(training) for training in results.rows[row].trainings]
    others = [can(training) for other in results.rows.values() if other.variant.k == PUBLISHED.k and other.variant.alpha < 1
              for training in other.trainings]
    table = [[sum(ours), len(ours) - sum(ours)], [sum(others), len(others) - sum(others)]]
    chance = float(fisher_exact(table, alternative="less").pvalue)
    said = (f"{_beside_published(results, row)}; {sum(ours)} of {len(ours)} trainings {what}, of those with k = 3 and a loss on the "
            f"way back {sum(others)} of {len(others)} (p = {chance:.3f})")
    if sum(ours):  # one that does is enough against "cannot"
        return Finding({"": Verdict.REFUTED if chance > CHANCE else Verdict.RARELY}, said)
    return Finding({"": Verdict.CONFIRMED}, said, is_open=chance >= CHANCE)


def _beside_published(results: AblationResults, row: str) -> str:
    low, high = (results.rows[key].best for key in (row, PUBLISHED.key))
    return (f"{low.estimate:.3f} of a fused image with {low.fused:.3f}; with the published settings {high.estimate:.3f} and "
            f"{high.fused:.3f}; the plain average has {low.average:.3f}")


def _k_3(results: AblationResults) -> Finding:
    values = {key: results.rows[key].best.estimate for key in ("k_2", PUBLISHED.key, "k_4")}
    said = ", ".join(f"{results.rows[key].variant.k}: {value:.3f}" for key, value in values.items())
    verdicts = {key: _compared(results, PUBLISHED.key, key) for key in ("k_2", "k_4")}
    if len(set(verdicts.values())) == 1:
        return Finding({"": verdicts["k_2"]}, said)
    return Finding({"than two": verdicts["k_2"], "than four": verdicts["k_4"]}, said)


def _lambda(results: AblationResults) -> Finding:
    rows = sorted((row.variant.lam, row.best.estimate) for row in results.rows.values() if row.variant.group in ("", "lambda"))
    said = ", ".join(f"{lam:g}: {value:.3f}" for lam, value in rows)
    return Finding({"": _compared(results, PUBLISHED.key, "lambda_0.999")}, said)


def _best_prior(results: AblationResults) -> Finding:
    rows = {row.variant.prior: row.best.estimate for row in results.rows.values() if row.variant.group in ("", "prior")}
    said = ", ".join(f"{prior}: {value:.3f}" for prior, value in sorted(rows.items(), key=lambda item: -item[1]))
    return Finding({"": _compared(results, PUBLISHED.key, "prior_zeros", "prior_ones", "prior_uniform")}, said)


TRENDS = (
    Trend("One coupling block (k = 1) cannot decompose", (PUBLISHED.key, "k_1"), _one_block, compares=False),
    Trend("Without a loss on the way back (alpha = 1) the decomposition is lost", (PUBLISHED.key, "alpha_1"),
          _no_way_back, compares=False),
    Trend("Three blocks decompose better than two and than four", (PUBLISHED.key, "k_2", "k_4"), _k_3),
    Trend("Next to no mean squares (lambda = 0.999) costs decomposition", (PUBLISHED.key, "lambda_0.999"), _lambda),
    Trend("A standard normal latent decomposes best", (PUBLISHED.key, "prior_zeros", "prior_ones", "prior_uniform"), _best_prior),
)


def _decomposing(results: AblationResults) -> str:
    trainings = [training for row in results.rows.values() for training in row.trainings]
    return f"{sum(training.decomposes for training in trainings)} of {len(trainings)}"


def _average(results: AblationResults) -> float:
    return next(iter(results.rows.values())).best.average


def definitions(results: AblationResults) -> str:
    """How the numbers were made."""
    schedule = results.schedule
    longest = LONGER * schedule["steps"]
    trainings = listing([f"{USUAL} trainings of each row", *(f"{count} of {key}" for key, count in MORE.items())])
    share = 400 * 132 * 64 * WHOLE ** 2 / (longest * schedule["batch"] * schedule["crop"] ** 2)
    return f"""\
- **Network, loss**: the `paper` preset: the published network (k = 3: 17,564 parameters), the loss of the authors' code, its sigmoids
  outside of the flow in both directions. Each row changes the one setting that it names; all else is as published.
- **Schedule**, the same for every row: {schedule['steps']} steps of {schedule['batch']} crops of {schedule['crop']} x {schedule['crop']}
  pixels from anywhere in whole slices, or {LONGER} times as many (see seeds), Adam with a learning rate of
  {schedule['learning_rate']:g} (warm-up, plateau, cosine), subnets in {schedule['precision']}, moving average
  of the weights, the weights with the least validation loss. The published schedule is 400 epochs of 132 batches of 64 whole slices at
  0.0003, some {share:,.0f} times the pixels: the values here are those of networks that are far from trained out.
  {CRITERION}
- **Seeds**: {trainings}, seeds 0, 1, 2 and so on. A training has *succeeded* when its fused image and its
  estimates of either source have at least {LOST}: some end with one source, or the fused image, lost, whatever the settings are.
  Each that has succeeded goes on to {longest} steps, its learning rate rising and falling once more; the others do not: a source that is
  lost does not come back.
  The row's figures are those of the training with the least validation loss; the estimates of all stand beside them, by seed, in
  brackets where the training did not succeed.
- **Decomposition**: who gives one and the same image for both sources takes nothing apart, and the plain average does so with
  {_average(results):.3f}. A training *decomposes* where it has succeeded and the mean of its estimates is above that, and above that of
  its fused image: {_decomposing(results)} here do.
- **Trends**: that a row *cannot decompose* is refuted by one training of it that decomposes, that it *loses the decomposition* by one that
  succeeded; either is confirmed where none does and that is no chance (Fisher's exact test, one-sided, p < {CHANCE:g}).
  Which row decomposes better is judged by the estimates: *confirmed* or *refuted* where they differ by at least
  {clear_difference(results):.3f} (2 sqrt 2 standard deviations between trainings of one row that succeeded, and no less than {LEAST}),
  *not seen* otherwise. *open, points to* where the published row does not decompose, or one has not settled: the last quarter of it
  lowered the least validation loss by {SETTLED} or more, which is what {LEAST} in the estimates is worth.
- **Q_SSIM**: mean SSIM of 11 x 11 Gaussian windows (sigma 1.5, data range 1) with one source, whole slices of {WHOLE} x {WHOLE} pixels with
  their background, each source from 0 to 1 in each slice, as published. Means over patients of the means over their slices, at most
  {MOST} evenly spaced ones of each patient with labels 1 and 2.
- **Estimate**: both sources from the fused image and one drawn latent, the authors' program with its second sigmoid.
- **Latent on the way back**: numbers drawn in the place of the latent: standard normal, uniform in 0..1, all 0, all 1."""
