"""Pictures like Figs. 3 and 4 of the paper, from data that may be shown: what each method makes of a slice, and what can be got back."""
from dataclasses import dataclass

import numpy as np

from FusionINNLib.reports.slice_view import SliceView
from training.benchmark.measured import estimate_slice, fuse_slice
from training.benchmark.methods import AVERAGE, Method
from training.benchmark.pairs import CasePairs, PairSet
from training.figures import as_png

AROUND = 4  # pixels of background kept around the head
ERROR, DIFFERENCE = 0.2, 0.2  # ends of the colour scales, on nominal 0..1
COLUMNS, SIDE = 7, 1.6  # images in a row; inches of one


@dataclass(frozen=True)
class Tile:
    """One image (rows, columns), turned for the screen. limit: None for a grey image 0..1, else the end of a colour scale around 0."""

    title: str
    image: np.ndarray
    limit: float | None = None


Row = list[Tile | None]

def pictures_of(entry: PairSet, pairs: CasePairs, methods: list[Method], device: str) -> dict[str, bytes]:
    """PNGs by name, of the slice with most to see; none for data that may not be shown."""
    if not entry.is_published:
        return {}
    n = busiest(pairs)
    fused = {method: fuse_slice(method, pairs, n, device) for method in methods if method.is_measured}
    sources = dict(zip(entry.contrasts, (pairs.first[n], pairs.second[n])))
    return {f"benchmark_{entry.key}.png": _page(_fused_rows(fused, sources), pairs, n),
            f"benchmark_{entry.key}_decomposed.png": _page(_decomposed_rows(fused, sources, pairs.numbers[n], device), pairs, n)}


def busiest(pairs: CasePairs) -> int:
    """The slice in which the sources differ most inside the head: where there is something to fuse."""
    return int(np.argmax([np.abs(a - b)[mask].sum() for a, b, mask in zip(pairs.first, pairs.second, pairs.mask)]))


def _fused_rows(fused: dict[Method, np.ndarray], sources: dict[str, np.ndarray]) -> list[Row]:
    """Sources and fused images, each fused image with its difference from the plain average below it."""
    average = sum(sources.values()) / 2
    above: Row = [Tile(name, image) for name, image in sources.items()]
    below: Row = [None] * len(above)
    for method, image in fused.items():
        above.append(Tile(_name(method), image))
        below.append(None if method.key == AVERAGE else Tile("minus average", image - average, DIFFERENCE))
    columns = -(-len(above) // -(-len(above) // COLUMNS))  # lines of about the same length
    return [row[start:start + columns] for start in range(0, len(above), columns) for row in (above, below)]


def _decomposed_rows(fused: dict[Method, np.ndarray], sources: dict[str, np.ndarray], k: int, device: str) -> list[Row]:
    """A row for each method that can: fused image, and of both sources the source, the estimate and its error."""
    rows = []
    for method, image in fused.items():
        if method.ready.can_estimate:
            row: Row = [Tile(_name(method), image)]
            for (name, source), guess in zip(sources.items(), estimate_slice(method, image, k, device)):
                row += [Tile(name, source), Tile(f"{name}, ESTIMATED", guess), Tile(f"{name}, error", guess - source, ERROR)]
            rows.append(row)
    return rows


def _name(method: Method) -> str:
    """Short, in two lines at most."""
    return method.short_title if method.is_ranked else f"{method.short_title}\n(not converged)"


def _page(rows: list[Row], pairs: CasePairs, n: int) -> bytes:
    return drawn(rows, pairs.view, pairs.mask[n])


def drawn(rows: list[Row], view: SliceView, mask: np.ndarray) -> bytes:
    """Rows of images (J, I) as PNG, turned for the screen and cut to the head, which the mask (J, I) shows."""
    from matplotlib import pyplot

    crop = _crop(mask)
    height, width = view.turn(mask[crop]).shape
    aspect = view.pixel_mm[0] / view.pixel_mm[1]
    size = len(rows[0]) * SIDE, len(rows) * (SIDE * aspect * height / width + 0.45)
    figure, axes = pyplot.subplots(len(rows), len(rows[0]), figsize=size, facecolor="0.07", layout="constrained", squeeze=False)
    for axis in axes.flat:
        axis.set_axis_off()
    for line, row in zip(axes, rows):
        for axis, tile in zip(line, row):
            if tile is not None:
                low, high, colours = (0, 1, "gray") if tile.limit is None else (-tile.limit, tile.limit, "RdBu_r")
                axis.imshow(view.turn(tile.image[crop]), cmap=colours, vmin=low, vmax=high, aspect=aspect, interpolation="nearest")
                axis.set_title(tile.title if tile.limit is None else f"{tile.title} (±{tile.limit:g})", fontsize=6.5, color="0.9")
    return as_png(figure)


def _crop(mask: np.ndarray) -> tuple[slice, slice]:
    """The head with a little around it."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return (slice(max(rows[0] - AROUND, 0), rows[-1] + 1 + AROUND), slice(max(columns[0] - AROUND, 0), columns[-1] + 1 + AROUND))
