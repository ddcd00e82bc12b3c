"""The matrix as a picture: for each damage the estimates beside the floor, and the error over the reported spread."""
from training.figures import as_png
from training.robustness.results import Results

RIGHT = (0.7, 1.4)  # error over spread that is good enough
TICKS = (0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.4, 2, 3, 5, 10, 20, 50, 100, 200)


def picture(results: Results) -> bytes:
    """PNG. A line a damage, a dot a case and source."""
    from matplotlib import pyplot

    damages = [damage for damage in results.damages if results.values(damage.key, "q")]
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 0.7 + 0.26 * len(damages)), sharey=True, layout="constrained")
    right.axvspan(*RIGHT, color="0.9")
    for place, damage in enumerate(reversed(damages)):
        floors, estimates, ratios = (results.values(damage.key, name) for name in ("floor", "q", "ratio"))
        left.plot(floors, [place - 0.15] * len(floors), "|", color="tab:orange", label="floor" if place == 0 else None)
        left.plot(estimates, [place + 0.1] * len(estimates), "o", markersize=3, color="tab:blue", label="estimate" if place == 0 else None)
        right.plot(ratios, [place] * len(ratios), "o", markersize=3, color="tab:blue")
    left.set_yticks(range(len(damages)), [damage.title for damage in reversed(damages)], fontsize=7)
    left.set_xlabel("Q_SSIM inside the head", fontsize=8)
    left.legend(fontsize=7, loc="lower left")
    right.set_xscale("log")
    shown = [tick for tick in TICKS if min(*RIGHT, *right.get_xlim()) <= tick <= max(*RIGHT, *right.get_xlim())]
    right.set_xticks(shown, [f"{tick:g}" for tick in shown])
    right.minorticks_off()
    right.set_xlabel("true error / reported spread", fontsize=8)
    for panel in (left, right):
        panel.grid(axis="y", linewidth=0.3)
        panel.tick_params(axis="x", labelsize=7)
    return as_png(figure)
