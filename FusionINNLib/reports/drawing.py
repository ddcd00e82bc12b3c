"""The parts a page is drawn with: images and differences through a window, outlines, badges, scale bars, and text that fits.

Everything is on the screen here: arrays are (rows downwards, columns to the right), sizes and places are (width, height) in pixels.
Only Pillow's built-in font is used, which knows little more than ASCII.
"""
import unicodedata
from collections import deque
from functools import cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

PAGE = (16, 17, 20)
BLACK = (0, 0, 0)
TEXT = (236, 236, 236)
QUIET = (165, 170, 178)
RED = (255, 40, 40)
AMBER = (255, 190, 0)

ALL = -1
DASH, DASH_GAP = 7, 5
"""Pixels along a dashed line that are drawn, and left out."""
_MOST_LABELS = 8
_KNOWN_BEYOND_ASCII = "\u00b1\u00b7\u2026"


@cache
def font(size: int):
    """Pillow's built-in font at a size in pixels."""
    return ImageFont.load_default(size=size)


def plain(text: str) -> str:
    """The text in signs that the built-in font can draw; others lose their accents or become "?"."""
    split = unicodedata.normalize("NFKD", text)
    letters = (sign for sign in split if not unicodedata.combining(sign))
    return "".join(sign if sign == "\n" or " " <= sign <= "~" or sign in _KNOWN_BEYOND_ASCII else "?" for sign in letters)


def text_width(text: str, size: int) -> int:
    """Width in pixels of one line."""
    return int(np.ceil(font(size).getlength(plain(text))))


def fit(text: str, size: int, width: int) -> str:
    """One line of text, shortened in its middle until it is at most `width` pixels wide."""
    if text_width(text, size) <= width:
        return text
    for kept in range(len(text) - 1, 1, -1):
        short = text[:(kept + 1) // 2] + "..." + text[len(text) - kept // 2:]
        if text_width(short, size) <= width:
            return short
    return "..."


def write(draw: ImageDraw.ImageDraw, place, text: str, size: int, fill=TEXT, anchor: str = "la", bold: bool = False,
          halo: bool = False) -> None:
    """One line of text. anchor: Pillow's. halo: a dark rim that keeps it legible on an image.

    The font has no bold cut: bold text is struck twice, one pixel apart.
    """
    x, y = place
    text = plain(text)
    if halo:
        draw.text((x, y), text, font=font(size), fill=BLACK, anchor=anchor, stroke_width=2, stroke_fill=BLACK)
    draw.text((x, y), text, font=font(size), fill=fill, anchor=anchor)
    if bold:
        draw.text((x + 1, y), text, font=font(size), fill=fill, anchor=anchor)


def number(value: float) -> str:
    """A number in three significant digits, without an exponent where that is short."""
    if value != 0 and not 1e-3 <= abs(value) < 1e5:
        return f"{value:.1e}"
    return f"{float(f'{value:.3g}'):.10g}"


def difference_colours() -> np.ndarray:
    """uint8 (256, 3): level 128 is black for no difference, below it turns blue, above it orange, both brighter with size."""
    size = np.abs(np.arange(256) - 128)[:, None] / 127.0
    middle, stops = 0.55, {False: ((25, 110, 255), (205, 235, 255)), True: ((245, 125, 0), (255, 240, 190))}
    table = np.zeros((256, 3))
    for positive, (half, full) in stops.items():
        half, full = np.array(half), np.array(full)
        colours = np.where(size < middle, half * size / middle, half + (full - half) * (size - middle) / (1 - middle))
        side = (np.arange(256) >= 128) == positive
        table[side] = colours[side]
    return np.clip(table, 0, 255).astype(np.uint8)


def levels(cut: np.ndarray, window: tuple[float, float], kind: str) -> np.ndarray:
    """uint8 grey levels of a slice. An image spans 0..255 over its window; a difference 1..255 with 0 at 128."""
    low, high = window
    cut = np.nan_to_num(np.asarray(cut, np.float32), nan=low if kind == "image" else 0.0)
    share = np.clip((cut - low) / max(high - low, 1e-30), 0.0, 1.0)
    return (share * 255 if kind == "image" else 1 + share * 254).round().astype(np.uint8)


def enlarge(cut: np.ndarray, region, size: tuple[int, int], method, empty: int = 0) -> np.ndarray:
    """A region (left, top, right, bottom in pixels of a uint8 slice, fractions allowed) at another size; what lies outside is `empty`."""
    left, top, right, bottom = region
    rows, columns = cut.shape
    inside = (max(left, 0.0), max(top, 0.0), min(right, columns), min(bottom, rows))
    result = np.full((size[1], size[0]), empty, np.uint8)
    if inside[0] >= inside[2] or inside[1] >= inside[3]:
        return result
    across, down = size[0] / (right - left), size[1] / (bottom - top)
    x0, x1 = round((inside[0] - left) * across), round((inside[2] - left) * across)
    y0, y1 = round((inside[1] - top) * down), round((inside[3] - top) * down)
    if x1 > x0 and y1 > y0:
        part = Image.fromarray(np.ascontiguousarray(cut)).resize((x1 - x0, y1 - y0), method, box=inside)
        result[y0:y1, x0:x1] = np.asarray(part)
    return result


def outline(labels: np.ndarray, region, size: tuple[int, int]) -> np.ndarray:
    """Where the labels of a slice border on each other or on nothing, one pixel thin at the size shown.

    int64 (height, width): the label on that side of the border, 0 elsewhere; `ALL` where there are more labels than eyes can tell apart.
    """
    found = np.unique(labels)
    found = found[found != 0]
    masks = [labels == label for label in found] if len(found) <= _MOST_LABELS else [labels != 0]
    numbers = np.array([0, *(found if len(masks) == len(found) else [ALL])])
    if not masks:
        return np.zeros((size[1], size[0]), np.int64)
    # Each label is enlarged smoothly and the strongest wins: edges as smooth as the image, not a staircase of voxels.
    shares = [enlarge(mask.astype(np.uint8) * 255, region, size, Image.Resampling.BILINEAR).astype(np.int16) for mask in masks]
    shares.insert(0, 255 - np.minimum(sum(shares), 255))
    shown = np.argmax(shares, axis=0)
    line = np.zeros(shown.shape, np.int64)
    for here, there in ((np.s_[:-1], np.s_[1:]), (np.s_[:, :-1], np.s_[:, 1:])):
        border = shown[here] != shown[there]
        line[here][border] = np.where(shown[here] != 0, shown[here], shown[there])[border]
    return numbers[line]


def dashed(line: np.ndarray) -> np.ndarray:
    """Of a thin line, boolean (height, width), the pixels of its dashes; a short line has shorter ones, so that it is broken too."""
    left = {(int(row), int(column)) for row, column in np.argwhere(line)}
    kept = np.zeros_like(line)
    for start in map(tuple, np.argwhere(line)):
        if start not in left:
            continue
        steps = _steps_along(left, start)
        # Both ways round from where it starts: a line that closes is twice as long as its farthest pixel is away.
        shrink = max(1.0, 2 * (DASH + DASH_GAP) / (max(steps.values()) + 1))
        for pixel, step in steps.items():
            kept[pixel] = int(step * shrink + DASH / 2) % (DASH + DASH_GAP) < DASH
    return kept


def _steps_along(left: set[tuple[int, int]], start: tuple[int, int]) -> dict[tuple[int, int], int]:
    """How many pixels along its line each pixel lies from the first one; takes them out of those that are left."""
    steps, waiting = {start: 0}, deque([start])
    left.remove(start)
    while waiting:
        row, column = here = waiting.popleft()
        for other in ((row + down, column + across) for down in (-1, 0, 1) for across in (-1, 0, 1)):
            if other in left:
                left.remove(other)
                steps[other] = steps[here] + 1
                waiting.append(other)
    return steps


def draw_badge(draw: ImageDraw.ImageDraw, place, badge: str, width: int) -> None:
    """The word in the upper left corner of a panel: an estimate shouts (black on amber), anything else is quiet."""
    loud = badge == "ESTIMATED"
    size = max(11, min(15, width // 15))
    x, y = place
    box = (x, y, x + text_width(badge, size) + 11, y + size + 6)
    draw.rectangle(box, fill=AMBER if loud else (38, 44, 40))
    middle = ((box[0] + box[2]) // 2, (box[1] + box[3]) // 2 + 1)
    write(draw, middle, badge, size, fill=BLACK if loud else (150, 225, 165), anchor="mm", bold=loud)


def draw_window(page: Image.Image, place, width: int, window: tuple[float, float], kind: str) -> None:
    """A bar of the levels of a window, with its numbers below."""
    x, y = place
    bar = np.tile(np.linspace(0 if kind == "image" else 1, 255, width).round().astype(np.uint8), (8, 1))
    colours = difference_colours()[bar] if kind == "difference" else np.repeat(bar[..., None], 3, axis=2)
    page.paste(Image.fromarray(colours), (x, y))
    draw = ImageDraw.Draw(page)
    draw.rectangle((x, y, x + width - 1, y + 7), outline=(90, 94, 100))
    sign = "+" if kind == "difference" and window[1] > 0 else ""
    write(draw, (x + 2, y + 11), number(window[0]), 12, QUIET)
    write(draw, (x + width - 3, y + 11), sign + number(window[1]), 12, QUIET, anchor="ra")
    if kind == "difference":
        write(draw, (x + width // 2, y + 11), "0", 12, QUIET, anchor="ma")


def draw_length(draw: ImageDraw.ImageDraw, right: int, bottom: int, pixels_per_mm: float, width: int) -> None:
    """A scale bar of a round number of millimetres, at most a quarter of the panel, ending at (right, bottom)."""
    length = max((mm for mm in (1, 2, 5, 10, 20, 50, 100) if mm * pixels_per_mm <= width / 4), default=1)
    left = right - round(length * pixels_per_mm)
    draw.line((left, bottom, right, bottom), fill=TEXT, width=2)
    write(draw, (right, bottom - 4), f"{length} mm", 11, anchor="rs", halo=True)
