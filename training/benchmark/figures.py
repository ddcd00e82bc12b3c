"""Figure of numbers: differences to the plain average. It shows no patient."""
import math

from training.benchmark.intervals import Outcome
from training.benchmark.methods import AVERAGE, Method
from training.benchmark.results import BenchmarkResults, SetResult
from training.benchmark.tables import NAMES
from training.figures import as_png, panels

SHOWN = ("q_ssim", "q_xy", "q_p", "q_ssim_masked", "q_xy_masked", "q_p_masked")


def differences(results: BenchmarkResults, found: SetResult) -> bytes:
    """Each method minus the plain average, a panel a metric."""
    methods = [method for method in results.methods if method.is_measured and method.key != AVERAGE][::-1]
    figure, axes = panels(len(SHOWN), sharey=True)
    for panel, metric in zip(axes, SHOWN):
        panel.axvline(0, color="0.6", linewidth=0.8)
        for row, method in enumerate(methods):
            mean = found.against(method.key, AVERAGE, metric).mean
            if math.isfinite(mean.value):
                interval = [[mean.value - mean.low], [mean.high - mean.value]] if math.isfinite(mean.low) else None
                panel.errorbar(mean.value, row, xerr=interval, fmt="o", markersize=4, capsize=2, linewidth=1,
                               color=_colour(mean.outcome, method))
        panel.set_yticks(range(len(methods)), [method.short_title for method in methods], fontsize=6)
        panel.locator_params(axis="x", nbins=5)
        panel.set_ylim(-0.7, len(methods) - 0.3)
        panel.set_title(NAMES[metric], fontsize=8)
        panel.tick_params(axis="x", labelsize=7)
    figure.supxlabel("minus the plain average; green better, red worse, black tied, grey not in the ranking", fontsize=8)
    return as_png(figure)


def _colour(outcome: Outcome, method: Method) -> str:
    if not method.is_ranked:
        return "0.7"
    return {Outcome.BETTER: "tab:green", Outcome.TIED: "black", Outcome.WORSE: "tab:red"}[outcome]
