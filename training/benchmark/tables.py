"""The tables of the benchmark, Markdown. Bold: the best of the ranking, and what is tied with it."""
from FusionINNLib.metrics import MASKED_KEYS
from training.benchmark.intervals import Difference, Mean
from training.benchmark.measured import ESTIMATE_KEYS
from training.benchmark.methods import AVERAGE, DEFAULT, Method, State
from training.benchmark.published import METRICS, VALUES
from training.benchmark.results import BenchmarkResults, SetResult
from training.markdown import number, table

MAIN = ("q_ssim", "q_fmi", "q_ncie", "q_xy", "q_p")
FURTHER = ("q_abf", "mi", "vif", "scd", "ncc_sum")
DESCRIBING = ("en", "sd", "sf", "ag")
NAMES = {"q_ssim": "Q_SSIM", "q_fmi": "Q_FMI", "q_ncie": "Q_NCIE", "q_xy": "Q_XY", "q_p": "Q_P", "q_xy_centre": "Q_XY, centre 3 x 3",
         "q_p_centre": "Q_P, centre 11 x 11", "q_abf": "Q^AB/F", "mi": "MI", "en": "EN", "sd": "SD", "sf": "SF",
         "ag": "AG", "vif": "VIF", "scd": "SCD",
         "ncc_sum": "sum of NCC"} | {key: {"q_ssim": "Q_SSIM", "q_fmi": "Q_FMI", "q_ncie": "Q_NCIE", "q_xy": "Q_XY", "q_p": "Q_P"}[
             key.removesuffix("_masked")] + " in the head" for key in MASKED_KEYS}


def name_of(method: Method) -> str:
    """Title, with what is to be known of it."""
    if not method.is_measured:
        return f"{method.title} (*{method.state_words}*)"
    return method.title if method.is_ranked else f"{method.title} (*not converged*)"


def metric_table(results: BenchmarkResults, found: SetResult, metrics: tuple[str, ...], with_interval: bool = True) -> str:
    """A row a method, a column a metric."""
    leaders = {metric: found.leaders(metric, results.ranked) for metric in metrics if metric not in DESCRIBING}
    lines = []
    for method in results.methods:
        line = [name_of(method)]
        for metric in metrics:
            if not method.is_measured:
                line.append("–")
                continue
            cell = _with_interval(found.mean(method.key, metric)) if with_interval else number(found.mean(method.key, metric).value)
            line.append(f"**{cell}**" if method.key in leaders.get(metric, ()) else cell)
        lines.append(line)
    return table(["", *(NAMES[metric] for metric in metrics)], lines)


def difference_table(results: BenchmarkResults, found: SetResult, metrics: tuple[str, ...]) -> str:
    """Each method minus the plain average."""
    lines = []
    for method in results.methods:
        if method.is_measured and method.key != AVERAGE:
            lines.append([name_of(method), *(_difference(found.against(method.key, AVERAGE, metric)) for metric in metrics)])
    return table(["minus the plain average", *(NAMES[metric] for metric in metrics)], lines)


def slice_table(results: BenchmarkResults, found: SetResult, metrics: tuple[str, ...]) -> str:
    """The same over slices: mean, standard deviation, share of slices in which the method is ahead."""
    lines = []
    for method in results.methods:
        if method.is_measured and method.key != AVERAGE:
            rows = [found.against(method.key, AVERAGE, metric) for metric in metrics]
            lines.append([name_of(method), *map(_slice_words, rows)])
    return table(["minus the plain average, slice by slice", *(NAMES[metric] for metric in metrics)], lines)


def published_table(results: BenchmarkResults, found: SetResult) -> str:
    """Ours, and what the paper printed."""
    lines = []
    for method in results.methods:
        printed = VALUES.get(method.key, [None] * len(METRICS))
        ours = [found.mean(method.key, metric).value if method.is_measured else None for metric in METRICS]
        lines.append([name_of(method), *(f"{number(own)} / {number(theirs)}" for own, theirs in zip(ours, printed))])
    return table(["ours / published", *(NAMES[metric] for metric in METRICS)], lines)


def cost_table(results: BenchmarkResults) -> str:
    """Parameters, time, training."""
    lines = []
    for method in results.methods:
        state, parameters = method.convergence, method.parameters
        seconds = results.seconds.get(method.key)
        lines.append([method.title, "–" if parameters is None else f"{parameters:,}",
                      number(None if seconds is None else 1000 * seconds, ".1f"),
                      f"{state.steps[-1]:,} of {state.planned:,}" if state and state.steps else "–", state.batch if state else "–",
                      f"{state.seconds / 60:.0f}" if state else "–",
                      _state_words(method)])
    return table(["", "parameters", "ms a slice", "steps", "pixels a step", "minutes of training", "state"], lines)


def estimate_table(results: BenchmarkResults) -> str:
    """How well the fused image can be taken apart by itself, where that is possible at all."""
    lines = []
    for found in results.sets:
        for method in results.methods:
            if method.is_measured and method.key in found.tables:
                values = [found.mean(method.key, key) for key in ESTIMATE_KEYS]
                if all(value.value == value.value for value in values):
                    whole, inside = (f"{number(a.value)} / {number(b.value)}" for a, b in (values[:2], values[2:]))
                    lines.append([f"{name_of(method)}, {found.entry.title}", whole, inside])
    return table(["Q_SSIM of the estimates, first / second source", "whole slice", "in the head"], lines)


def asked_table(results: BenchmarkResults, found: SetResult) -> str:
    """What was asked of the default model, what was measured, and whether it is met."""
    ranked, lines = results.ranked, []
    best = found.best("q_ssim", ranked)
    gap = found.against(DEFAULT, best, "q_ssim").mean
    lines.append([f"Q_SSIM within 0.01 of the best ({results.method(best).title})", _signed(gap), _met(gap.value >= -0.01)])
    for metric in ("q_xy", "q_p", "q_xy_masked", "q_p_masked"):
        best = found.best(metric, ranked)
        gap = found.against(DEFAULT, best, metric).mean
        lines.append([f"{NAMES[metric]}: best or tied with the best ({results.method(best).title})", _signed(gap),
                      _met(DEFAULT in found.leaders(metric, ranked))])
    for metric in (*MAIN, *(f"{metric}_masked" for metric in MAIN)):
        gap = found.against(DEFAULT, AVERAGE, metric).mean
        lines.append([f"{NAMES[metric]}: against the plain average not worse by more than 0.01 beyond doubt", _signed(gap),
                      _met(not gap.high < -0.01)])
    return table(["asked of the default model", "difference", "met"], lines)


def _state_words(method: Method) -> str:
    if method.state is State.SHIPPED and method.convergence:
        return f"{method.state_words}, its run: {method.convergence.words}"
    return method.state_words


def _slice_words(row: Difference) -> str:
    return f"{number(row.slice_mean, '+.4f')} ± {number(row.slice_sd, '.4f')}, {number(row.share, '.0%')}"


def _with_interval(mean: Mean) -> str:
    return number(mean.value) + (f" [{number(mean.low)}, {number(mean.high)}]" if mean.low == mean.low else "")


def _difference(row: Difference) -> str:
    return f"{_signed(row.mean)} {row.mean.outcome.value}"


def _signed(mean: Mean) -> str:
    interval = f" [{mean.low:+.4f}, {mean.high:+.4f}]" if mean.low == mean.low else ""
    return number(mean.value, "+.4f") + interval


def _met(is_met: bool) -> str:
    return "yes" if is_met else "**no**"
