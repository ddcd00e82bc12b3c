"""The rows of the table of results: what each shows, in which figures, and what was asked of it."""
from collections.abc import Callable
from dataclasses import dataclass, field

from training.evaluation.evaluate import ColumnResult

TRAINED, UNSEEN = "t1ce_flair", "adc_flair"  # the two columns that targets are for


@dataclass(frozen=True)
class Target:
    """What a value must fulfil: `words` for the page, `met` for the value, or each of two."""

    words: str
    met: Callable[[float], bool]


@dataclass(frozen=True)
class Row:
    """One line. `keys` are the figures it shows, joined by `joint`; targets by key of the column.

    each_case: whether every case must meet the target, where a mean could hide opposite signs.
    """

    label: str
    keys: tuple[str, ...]
    form: str = ".4f"
    joint: str = " / "
    targets: dict[str, Target] = field(default_factory=dict)
    each_case: bool = False

    def show(self, value: Callable[[str], float]) -> str:
        """The line's cell, given what each figure is."""
        return self.joint.join(format(value(key), self.form) for key in self.keys)

    def is_met(self, result: ColumnResult) -> bool | None:
        """Whether a column meets its target, None where it has none."""
        target = self.targets.get(result.column.key)
        if target is None:
            return None
        values = [value for key in self.keys for value in (result.of_cases(key) if self.each_case else [result.mean(key)])]
        return all(target.met(value) for value in values)


def at_least(limit: float) -> Target:
    """value >= limit"""
    return Target(f"at least {limit:g}", lambda value: value >= limit)


def at_most(limit: float) -> Target:
    """value <= limit"""
    return Target(f"at most {limit:g}", lambda value: value <= limit)


def within(limit: float, centre: float) -> Target:
    """|value - centre| <= limit"""
    return Target(f"within {limit:g} of {centre:g}", lambda value: abs(value - centre) <= limit)


def below(limit: float) -> Target:
    """|value| < limit"""
    return Target(f"below {limit:g}", lambda value: abs(value) < limit)


def _two(trained: Target, unseen: Target) -> dict[str, Target]:
    return {TRAINED: trained, UNSEEN: unseen}


def _latent(label: str, keys: tuple[str, ...], target: Target, form: str = "+.3f") -> Row:
    return Row(f"latent inside the head: {label}", keys, form, targets={TRAINED: target}, each_case=True)


def _estimate(label: str, name: str, whole: dict[str, Target], inside: dict[str, Target]) -> list[Row]:
    return [Row(f"estimate {label}, whole slice", (f"{name}_1", f"{name}_2"), targets=whole),
            Row(f"estimate {label}, inside the head", (f"{name}_1_inside", f"{name}_2_inside"), targets=inside)]


_WHOLE, _INSIDE = _two(at_least(0.994), at_least(0.975)), _two(at_least(0.98), at_least(0.93))

ROWS = (
    Row("fused: Q_SSIM to first + to second", ("fused_1", "fused_2"), joint=" + "),
    Row("plain average: the same", ("average_1", "average_2"), joint=" + "),
    Row("fused against the average: difference of the sums", ("gain",), "+.4f", targets=_two(at_least(-0.005), at_least(-0.01))),
    Row("the same inside the head", ("gain_inside",), "+.4f"),
    Row("high-frequency energy inside the head against the larger of the sources", ("sharpness",), ".3f",
        targets=_two(at_most(1.1), at_most(1.1))),
    *_estimate("from float32", "float32", _WHOLE, _INSIDE),
    *_estimate("from int16", "int16", _WHOLE, _INSIDE),
    *_estimate("from uint8", "uint8", _two(at_least(0.99), at_least(0.96)), {}),
    *_estimate("from float32, one draw instead of eight", "one_draw", {}, {}),
    *_estimate("from float32, latent of zeros", "zero_latent", {}, {}),
    Row("spread of the draws against the error, inside the head (1: honest)", ("calibration_1", "calibration_2"), ".2f"),
    _latent("mean", ("z_mean",), within(0.1, 0)),
    _latent("standard deviation", ("z_sd",), within(0.1, 1), ".3f"),
    _latent("excess kurtosis", ("z_kurtosis",), within(1, 0)),
    _latent("correlation with the pixel to the right / below", ("z_right", "z_down"), below(0.2)),
    _latent("correlation with the fused image", ("z_fused",), below(0.1)),
)

RELEASED_ROWS = (
    Row("released program: Q_SSIM of sigmoid(y) to first + to second", ("released_fused_1", "released_fused_2"), joint=" + "),
    Row("this program: the same of y", ("fused_1", "fused_2"), joint=" + "),
    Row("released program: sigmoid(f^-1([sigmoid(y), noise])), whole slice", ("released_1", "released_2")),
    Row("the same inside the head", ("released_1_inside", "released_2_inside")),
    Row("released program with the saved latent: sigmoid(f^-1([sigmoid(y), z])), whole slice", ("released_saved_1", "released_saved_2")),
    Row("this program: estimate f^-1([y, noise]), one draw, whole slice", ("one_draw_1", "one_draw_2")),
    Row("the same inside the head", ("one_draw_1_inside", "one_draw_2_inside")),
)
"""Of published networks: the figures `released_...` of `evaluation/released_figures.py`, each beside this program's."""

EXACT_LABEL = "exact: first / second"
_EXACT_TARGETS = {TRAINED: "identical in every voxel", UNSEEN: "to 1e-5 of the range"}
EXACT_LIMIT = 1e-5


def exact_words(result: ColumnResult) -> str:
    """What the exact way back gave, for both sources: the worst case."""
    words = []
    for n in (0, 1):
        worst = max(case.exact[n] for case in result.cases)
        if all(case.counts_voxels[n] for case in result.cases):
            words.append(f"{round(sum(case.exact[n] for case in result.cases))} voxels differ")
        else:
            words.append(f"{worst:.1e} of the range")
    return " / ".join(words)


def exact_is_met(result: ColumnResult) -> bool:
    """Integers in every voxel, others to 1e-5 of their range."""
    return all(error == 0 if counted else error <= EXACT_LIMIT
               for case in result.cases for error, counted in zip(case.exact, case.counts_voxels))


def exact_target(key: str) -> str:
    """What was asked of a column."""
    return _EXACT_TARGETS.get(key, "")
