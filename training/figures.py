"""Figures of numbers that several pages show: curves of validation loss, panels in rows, a figure as PNG. They show no patient."""
import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from training.loop.convergence import Convergence

COLUMNS, WIDTH, HEIGHT = 3, 3.4, 2.5  # inches a panel


def as_png(figure) -> bytes:
    """A matplotlib figure as PNG, closed afterwards."""
    from matplotlib import pyplot

    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=110, metadata={"Software": None})
    pyplot.close(figure)
    return file.getvalue()


def curves(runs: "dict[str, Convergence]") -> bytes | None:
    """Validation loss by step, a panel a run, title -> run; None where there is none."""
    from matplotlib.ticker import StrMethodFormatter

    runs = {title: run for title, run in runs.items() if len(run.losses) > 1}
    if not runs:
        return None
    figure, axes = panels(len(runs))
    for panel, (title, run) in zip(axes, runs.items()):
        panel.axvspan(run.steps[-run.last_part - 1], run.steps[-1], color="0.9")
        panel.plot(run.steps, run.losses, color="tab:blue", marker=".", markersize=3, linewidth=1)
        panel.axhline(min(run.losses[:-run.last_part]), color="tab:orange", linewidth=0.8, linestyle="--")
        panel.set_yscale("log")
        panel.set_title(f"{title}\n{run.words}", fontsize=8)
        panel.tick_params(labelsize=7, which="both")
        for set_formatter in (panel.yaxis.set_major_formatter, panel.yaxis.set_minor_formatter):
            set_formatter(StrMethodFormatter("{x:.3g}"))
    figure.supxlabel("step", fontsize=8)
    figure.supylabel("validation loss", fontsize=8)
    return as_png(figure)


def panels(count: int, sharey: bool = False):
    """A figure with so many panels in rows of three."""
    from matplotlib import pyplot

    rows = -(-count // COLUMNS)
    figure, axes = pyplot.subplots(rows, COLUMNS, figsize=(COLUMNS * WIDTH, rows * HEIGHT), layout="constrained", squeeze=False,
                                   sharey=sharey)
    axes = list(axes.flat)
    for unused in axes[count:]:
        unused.set_visible(False)
    return figure, axes[:count]
