"""One column of the report page: what it shows, through which window, in grey, as a difference or in colour."""
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from FusionINNLib.reports import drawing as parts
from FusionINNLib.reports.slice_view import SliceView
from FusionINNLib.volumes.color import joined


@dataclass(frozen=True)
class Panel:
    """One column of the page.

    title: one or two lines. data: the volume (k, j, i), or a function that gives slice n, its two axes in array order. window: the values
    shown darkest and brightest; for a difference its ends, the same on both sides of 0. badge: `ESTIMATED` or `EXACT` in every picture.
    chroma: (k, j, i, 3), what is added to the grey levels to show an image in colour, see `volumes/color.py`.
    """

    title: str
    data: np.ndarray | Callable[[int], np.ndarray]
    window: tuple[float, float]
    kind: Literal["image", "difference"] = "image"
    badge: str | None = None
    chroma: np.ndarray | None = None

    def __post_init__(self) -> None:
        if self.kind == "difference" and not np.isclose(self.window[0], -self.window[1]):
            raise ValueError("the window of a difference reaches as far below 0 as above it")

    def cut(self, index: int, view: SliceView) -> np.ndarray:
        """Slice `index`, turned for the screen."""
        return view.turn(np.asarray(self.data(index))) if callable(self.data) else view.take(self.data, index)

    def levels(self, index: int, view: SliceView) -> np.ndarray:
        """What is painted: (rows, columns) uint8, (rows, columns, 3) in colour."""
        grey = parts.levels(self.cut(index, view), self.window, self.kind)
        if self.chroma is None:
            return grey
        return joined(grey, np.stack([view.take(self.chroma[..., channel], index) for channel in range(3)], -1))[0]
