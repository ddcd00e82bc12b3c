"""Figures of numbers: curves of validation loss, differences to the plain average. They show no patient."""
import io
import math

from training.benchmark.intervals import TIED
from training.benchmark.methods import AVERAGE, Method
from training.benchmark.results import BenchmarkResults, SetResult
from training.benchmark.tables import NAMES
from training.loop.convergence import LAST_PART, Convergence

SHOWN = ("q_ssim", "q_xy", "q_p", "q_ssim_masked", "q_xy_masked", "q_p_masked")
COLUMNS, WIDTH, HEIGHT = 3, 3.4, 2.5  # inches a panel


def as_png(figure) -> bytes:
    """A matplotlib figure as PNG, closed afterwards."""
    from matplotlib import pyplot

    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=110, metadata={"Software": None})
    pyplot.close(figure)
    return file.getvalue()


def curves(runs: dict[str, Convergence]) -> bytes | None:
    """Validation loss by step, a panel a run, title -> run; None where there is none."""
    from matplotlib.ticker import StrMethodFormatter

    runs = {title: run for title, run in runs.items() if len(run.losses) > 1}
    if not runs:
        return None
    figure, axes = _panels(len(runs))
    for panel, (title, run) in zip(axes, runs.items()):
        last = max(1, round(len(run.losses) * LAST_PART))
        panel.axvspan(run.steps[-last - 1], run.steps[-1], color="0.9")
        panel.plot(run.steps, run.losses, color="tab:blue", marker=".", markersize=3, linewidth=1)
        panel.axhline(min(run.losses[:-last]), color="tab:orange", linewidth=0.8, linestyle="--")
        panel.set_yscale("log")
        panel.set_title(f"{title}\n{run.words}", fontsize=8)
        panel.tick_params(labelsize=7, which="both")
        for set_formatter in (panel.yaxis.set_major_formatter, panel.yaxis.set_minor_formatter):
            set_formatter(StrMethodFormatter("{x:.3g}"))
    figure.supxlabel("step", fontsize=8)
    figure.supylabel("validation loss", fontsize=8)
    return as_png(figure)


def differences(results: BenchmarkResults, found: SetResult) -> bytes:
    """Each method minus the plain average, a panel a metric."""
    methods = [method for method in results.methods if method.is_measured and method.key != AVERAGE][::-1]
    figure, axes = _panels(len(SHOWN), sharey=True)
    for panel, metric in zip(axes, SHOWN):
        panel.axvline(0, color="0.6", linewidth=0.8)
        for row, method in enumerate(methods):
            mean = found.against(method.key, AVERAGE, metric).mean
            if math.isfinite(mean.value):
                reach = [[mean.value - mean.low], [mean.high - mean.value]] if math.isfinite(mean.low) else None
                panel.errorbar(mean.value, row, xerr=reach, fmt="o", markersize=4, capsize=2, linewidth=1, color=_colour(mean.word, method))
        panel.set_yticks(range(len(methods)), [method.short_title for method in methods], fontsize=6)
        panel.locator_params(axis="x", nbins=5)
        panel.set_ylim(-0.7, len(methods) - 0.3)
        panel.set_title(NAMES[metric], fontsize=8)
        panel.tick_params(axis="x", labelsize=7)
    figure.supxlabel("minus the plain average; green better, red worse, black tied, grey not in the ranking", fontsize=8)
    return as_png(figure)


def _colour(word: str, method: Method) -> str:
    if not method.is_ranked:
        return "0.7"
    return "black" if word == TIED else {"better": "tab:green", "worse": "tab:red"}[word]


def _panels(count: int, sharey: bool = False):
    """A figure with so many panels in rows of three."""
    from matplotlib import pyplot

    rows = -(-count // COLUMNS)
    figure, axes = pyplot.subplots(rows, COLUMNS, figsize=(COLUMNS * WIDTH, rows * HEIGHT), layout="constrained", squeeze=False,
                                   sharey=sharey)
    axes = list(axes.flat)
    for unused in axes[count:]:
        unused.set_visible(False)
    return figure, axes[:count]
