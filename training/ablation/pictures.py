"""Figures of Table 2: values by setting, curves of loss, and what lambda does to a slice that may be shown."""
from pathlib import Path

import numpy as np
import torch

from training.ablation.measure import FIGURES, released_program
from training.ablation.results import AblationResults
from training.ablation.slices import whole_slice
from training.ablation.text import PUBLISHED_VALUES
from training.ablation.variants import GROUPS, family, value_of
from training.data.prepare import load
from training.figures import as_png, curves

SHOWN = ("openms", "patient07")  # set and case whose pictures may be published, with attribution
ERROR = 0.3  # end of the colour scale, on 0..1
SIDES = ((FIGURES[:2], slice(0, 2), "--", "tab:orange"), (FIGURES[2:], slice(2, 4), "-", "tab:blue"))
"""Fused image and estimates: our figures, their places among the published values, line, colour."""


def settings(results: AblationResults) -> bytes:
    """Q_SSIM of fused image and estimates by setting, a panel a group, with the published values."""
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, len(GROUPS), figsize=(3 * len(GROUPS), 2.9), sharey=True, layout="constrained")
    for panel, group in zip(axes, GROUPS):
        rows = [variant for variant in family(group) if variant.key in results.rows]
        places = range(len(rows))
        for names, part, line, colour in SIDES:
            ours = [np.mean([results.rows[variant.key].best.mean(name) for name in names]) for variant in rows]
            printed = [np.mean(PUBLISHED_VALUES[variant.key][part]) for variant in rows]
            panel.plot(places, printed, line, color="0.7", marker="o", markersize=3)
            panel.plot(places, ours, line, color=colour, marker="o", markersize=4)
        panel.set_xticks(places, [str(value_of(variant, group)) for variant in rows], fontsize=7)
        panel.set_title(GROUPS[group].name, fontsize=8)
        panel.tick_params(axis="y", labelsize=7)
    axes[0].set_ylabel("Q_SSIM, mean of both sources", fontsize=8)
    return as_png(figure)


def loss_curves(results: AblationResults) -> bytes | None:
    """Validation loss of each row's best training by step."""
    return curves({key: row.best.convergence for key, row in results.rows.items()})


def lambda_page(results: AblationResults, prepared: Path) -> bytes | None:
    """A row a lambda: fused image, estimates, their errors; sources above. None without the data or the rows."""
    from matplotlib import pyplot

    path = prepared / SHOWN[0] / f"{SHOWN[1]}.npz"
    rows = [variant for variant in family("lambda") if variant.key in results.rows]
    if not path.exists() or not rows:
        return None
    case = load(path)
    pair = whole_slice(case, _most_marked(case.labels))
    height, width = np.flatnonzero(pair.max(0).max(1) > 0.1), np.flatnonzero(pair.max(0).max(0) > 0.1)
    box = slice(height[0], height[-1] + 1), slice(width[0], width[-1] + 1)
    figure, axes = pyplot.subplots(len(rows), 7, figsize=(7 * 1.5, len(rows) * 1.95), facecolor="0.07", layout="constrained", squeeze=False)
    for line, variant in zip(axes, rows):
        fused, guess = _taken_apart(results.rows[variant.key].best.run, pair)
        tiles = [(f"lambda {variant.lam:g}: fused", fused, None)]
        for name, source, image in zip(("T1ce", "FLAIR"), pair, guess):
            tiles += [(name, source, None), (f"{name}, ESTIMATED", image, None), (f"{name}, error (±{ERROR:g})", image - source, ERROR)]
        for axis, (title, image, limit) in zip(line, tiles):
            low, high, colours = (0, 1, "gray") if limit is None else (-limit, limit, "RdBu_r")
            axis.imshow(image[box], cmap=colours, vmin=low, vmax=high, interpolation="nearest", origin="lower")
            axis.set_title(title, fontsize=6.5, color="0.9")
            axis.set_axis_off()
    return as_png(figure)


def _most_marked(labels: np.ndarray) -> int:
    return int((labels > 0).sum((1, 2)).argmax())


def _taken_apart(run: Path, pair: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Fused image (J, I) and estimates (2, J, I) of a slice by the released program."""
    program = released_program(run)
    with torch.inference_mode():
        fused, latent = program.fuse(torch.from_numpy(pair)[None])
        drawn = torch.randn(latent.shape, generator=torch.Generator().manual_seed(0))
        return fused[0, 0].numpy(), program.decompose(fused, drawn)[0].numpy()
