"""Outlines of segments on a page, each in its own colour, and the line of the legend that names them."""
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from PIL import ImageDraw

from FusionINNLib.reports import drawing
from FusionINNLib.volumes.volume import SegmentName

SIZE = 13  # of the legend's letters
_DARKEST = 90  # sum of (r, g, b) below which a colour would not be seen on a scan


class Words(NamedTuple):
    """A part of a line of the legend in one colour."""

    text: str
    colour: tuple[int, int, int] = drawing.QUIET


@dataclass(frozen=True)
class Outlines:
    """The segments that a page shows. colours: (r, g, b) 0..255 by label; those that are not named are red."""

    colours: dict[int, tuple[int, int, int]] = field(default_factory=dict)
    legend: list[Words] = field(default_factory=list)

    @classmethod
    def of(cls, cuts: Sequence[np.ndarray], names: Mapping[int, SegmentName]) -> "Outlines":
        """Of the labels (rows, columns) that the slices of a page show."""
        shown = sorted({int(label) for cut in cuts for label in np.unique(cut) if label})
        if not shown:
            return cls()
        named = {label: names[label] for label in shown if label in names}
        if not named:
            return cls(legend=[Words("red: segmentation")])
        colours = {label: _visible(name.color) for label, name in named.items()}
        words = [Words("outlines: ")]
        for n, (label, name) in enumerate(named.items()):
            words += [Words(", ")] if n else []
            words.append(Words(name.name, colours[label]))
        return cls(colours, words)

    def paint(self, picture: np.ndarray, labels: np.ndarray, region, size: tuple[int, int]) -> None:
        """Draw into uint8 (height, width, 3) what `drawing.outline` finds."""
        line = drawing.outline(labels, region, size)
        for label in np.unique(line[line != 0]):
            picture[line == label] = self.colours.get(int(label), drawing.RED)


def _visible(color: tuple[float, float, float] | None) -> tuple[int, int, int]:
    if color is None:
        return drawing.RED
    red, green, blue = (round(255 * part) for part in color)
    return (red, green, blue) if red + green + blue >= _DARKEST else drawing.RED


def width_of(line: Sequence[Words]) -> int:
    """Pixels that a line of the legend takes."""
    return sum(drawing.text_width(words.text, SIZE) for words in line)


def write_words(draw: ImageDraw.ImageDraw, place: tuple[int, int], line: Sequence[Words], width: int) -> None:
    """A line of the legend from its upper left corner, cut off after `width` pixels."""
    x, y = place
    for words in line:
        left = place[0] + width - x
        if left <= 0:
            return
        text = drawing.fit(words.text, SIZE, left)
        drawing.write(draw, (x, y), text, SIZE, words.colour)
        x += drawing.text_width(text, SIZE)
