"""Outlines of segments on a page, each in its own colour, and the line of the legend that names them.

What a network suggested is dashed and what somebody drew is not, which is seen on paper in black and white too.
"""
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np
from PIL import ImageDraw

from FusionINNLib.reports import drawing
from FusionINNLib.volumes.suggested import is_suggested_name
from FusionINNLib.volumes.volume import SegmentName

SIZE = 13  # of the legend's letters
_SAMPLE, _SAMPLE_GAP = 2 * (drawing.DASH + drawing.DASH_GAP) + drawing.DASH, 5  # pixels of a line in the legend, and behind it
_DARKEST = 90  # sum of (r, g, b) below which a colour would not be seen on a scan


class Words(NamedTuple):
    """A part of a line of the legend in one colour. sample: the line that it explains, drawn before it."""

    text: str
    colour: tuple[int, int, int] = drawing.QUIET
    sample: Literal["", "solid", "dashed"] = ""

    @property
    def width(self) -> int:
        """In pixels."""
        return drawing.text_width(self.text, SIZE) + (_SAMPLE + _SAMPLE_GAP if self.sample else 0)


@dataclass(frozen=True)
class Outlines:
    """The segments that a page shows. colours: (r, g, b) 0..255 by label; those that are not named are red. suggested: labels that a
    network suggested."""

    colours: dict[int, tuple[int, int, int]] = field(default_factory=dict)
    suggested: frozenset[int] = frozenset()
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
        suggested = frozenset(label for label, name in named.items() if is_suggested_name(name.name))
        words = [Words("outlines: ")]
        for n, (label, name) in enumerate(named.items()):
            words += [Words(", ")] if n else []
            words.append(Words(name.name, colours[label], "dashed" if label in suggested else "solid"))
        return cls(colours, suggested, words)

    def paint(self, picture: np.ndarray, labels: np.ndarray, region, size: tuple[int, int]) -> None:
        """Draw into uint8 (height, width, 3) what `drawing.outline` finds; where both lie, what is drawn covers what is suggested.

        Between dashes the line is black: without colours the dashes may be as grey as what lies under them.
        """
        is_suggested = np.isin(labels, list(self.suggested))
        for kind in (True, False):
            line = drawing.outline(np.where(is_suggested == kind, labels, 0), region, size)
            for label in np.unique(line[line != 0]):
                border = line == label
                picture[border] = drawing.BLACK
                picture[drawing.dashed(border) if kind else border] = self.colours.get(int(label), drawing.RED)


def _visible(color: tuple[float, float, float] | None) -> tuple[int, int, int]:
    if color is None:
        return drawing.RED
    red, green, blue = (round(255 * part) for part in color)
    return (red, green, blue) if red + green + blue >= _DARKEST else drawing.RED


def width_of(line: Sequence[Words]) -> int:
    """Pixels that a line of the legend takes."""
    return sum(words.width for words in line)


def write_words(draw: ImageDraw.ImageDraw, place: tuple[int, int], line: Sequence[Words], width: int) -> None:
    """A line of the legend from its upper left corner, cut off after `width` pixels."""
    x, y = place
    for words in line:
        left = place[0] + width - x
        if left <= words.width - drawing.text_width(words.text, SIZE):
            return
        if words.sample:
            _draw_sample(draw, (x, y), words)
            x, left = x + _SAMPLE + _SAMPLE_GAP, left - _SAMPLE - _SAMPLE_GAP
        text = drawing.fit(words.text, SIZE, left)
        drawing.write(draw, (x, y), text, SIZE, words.colour)
        x += drawing.text_width(text, SIZE)


def _draw_sample(draw: ImageDraw.ImageDraw, place: tuple[int, int], words: Words) -> None:
    """A line as it is drawn on the images, at the middle of the letters."""
    x, y = place[0], place[1] + SIZE // 2 + 2
    period, drawn = (drawing.DASH + drawing.DASH_GAP, drawing.DASH) if words.sample == "dashed" else (_SAMPLE, _SAMPLE)
    for start in range(0, _SAMPLE, period):
        draw.line((x + start, y, x + start + drawn - 1, y), fill=words.colour, width=2)
