"""The report page: sources, fused image, decomposed images and differences, side by side on a few slices, as one PNG.

Needs numpy and Pillow only, both of which 3D Slicer brings along. Volumes are (k, j, i), affines take (i, j, k, 1) to RAS in mm.
"""
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from FusionINNLib.atomic import replacing
from FusionINNLib.reports import drawing as parts
from FusionINNLib.reports.outlines import Outlines, Words, width_of, write_words
from FusionINNLib.reports.panel import Panel
from FusionINNLib.reports.slice_view import SliceView, choose_slices, slice_view
from FusionINNLib.volumes.volume import SegmentName

__all__ = ["ESTIMATED", "EXACT", "RESEARCH_NOTICE", "Panel", "choose_slices", "compose", "save"]

ESTIMATED = "ESTIMATED"
EXACT = "exact"
RESEARCH_NOTICE = "Research use only, not for diagnosis."

_WIDTH, _GAP, _MARGIN, _ROW_LABEL, _TITLES = 256, 8, 14, 92, 76
_TALLEST = 1.45      # height of a panel, in widths
_ZOOM_HEIGHT = 0.8   # height of an inset, in widths
_LEAST_ZOOM = 1.7    # an inset enlarges at least this much, even where it then cannot hold all of the tumour


@dataclass(frozen=True)
class _Layout:
    """Where things are, in pixels. region: what an overview shows (left, top, right, bottom in pixels of a slice); zooms: one per row."""

    size: tuple[int, int]
    region: tuple[float, float, float, float]
    zoom_size: tuple[int, int]
    zooms: tuple
    header: int

    @property
    def row_height(self) -> int:
        return self.size[1] + (self.zoom_size[1] + 3 if self.zooms else 0) + 2 * _GAP

    def column(self, number: int) -> int:
        return _MARGIN + _ROW_LABEL + number * (_WIDTH + _GAP)

    def row(self, number: int) -> int:
        return self.header + _TITLES + number * self.row_height


def compose(panels: Sequence[Panel], affine: np.ndarray, slices: Sequence[int], axis: int = 0, outline: np.ndarray | None = None,
            header: str = "", footer: str = RESEARCH_NOTICE, count: int | None = None,
            names: Mapping[int, SegmentName] | None = None) -> Image.Image:
    """The page as an RGB image: one row per slice, one column per panel.

    All volumes are on one grid, `affine` is its. slices: numbers along `axis` (0 k, 1 j, 2 i). outline: segmentation (k, j, i); where it
    has labels, each row gets enlarged insets below it; names: what is known of its labels, by number. header: lines of text, the first one
    large. count: how many slices there are, where no array tells. Raises ValueError when there is nothing to show.
    """
    if not panels or not slices:
        raise ValueError("a page needs at least one panel and one slice")
    view = slice_view(affine, axis)
    cuts = [[panel.levels(index, view) for panel in panels] for index in slices]
    labels = None if outline is None else [view.take(outline, index) for index in slices]
    outlines = Outlines.of(labels or [], names or {})
    layout = _lay_out(panels, cuts, labels, view, header)
    width = layout.column(len(panels)) - _GAP + _MARGIN
    legend = _legend(footer, view, panels, outlines, width)
    page = Image.new("RGB", (width, layout.row(len(slices)) + 16 + 18 * len(legend)), parts.PAGE)
    _draw_header(page, header)
    for column, panel in enumerate(panels):
        _draw_title(page, panel, layout.column(column), layout.header)
    count = count or _slice_count(panels, outline, axis)
    for row, index in enumerate(slices):
        _draw_row_label(page, layout, row, index, count, view)
        for column, panel in enumerate(panels):
            _draw_panel(page, layout, row, column, panel, cuts[row][column], None if labels is None else labels[row], view, outlines)
            if panel.kind == "difference":
                _draw_largest(page, layout, row, column, panel.cut(index, view))
    _draw_footer(page, footer, legend)
    return page


def save(image: Image.Image, path: str | os.PathLike) -> None:
    """Writes a PNG. Interrupted, it leaves what was there before. Raises OSError when the folder can't be written."""
    with replacing(Path(path)) as file:
        image.save(file, format="PNG", compress_level=4)


def _slice_count(panels: Sequence[Panel], outline: np.ndarray | None, axis: int) -> int | None:
    arrays = [panel.data for panel in panels if not callable(panel.data)] + ([] if outline is None else [outline])
    return arrays[0].shape[axis] if arrays else None


def _lay_out(panels, cuts, labels, view: SliceView, header: str) -> _Layout:
    region = _head_region(panels, cuts)
    height, width = view.pixel_mm
    shape_mm = ((region[2] - region[0]) * width, (region[3] - region[1]) * height)
    # A region taller than the tallest panel is widened with black rather than squeezed.
    wanted = max(shape_mm[0], shape_mm[1] / _TALLEST)
    extra = (wanted - shape_mm[0]) / width / 2
    region = (region[0] - extra, region[1], region[2] + extra, region[3])
    size = (_WIDTH, max(40, round(_WIDTH * shape_mm[1] / wanted)))
    lines = len(header.splitlines())
    top = _MARGIN + (26 + 19 * (lines - 1) + 8 if lines else 0)
    return _Layout(size, region, (_WIDTH, round(_WIDTH * _ZOOM_HEIGHT)), _zoom_regions(labels, view, region), top)


def _head_region(panels, cuts) -> tuple[float, float, float, float]:
    """The part of the slices that holds anything, the same for all, with a little air around it."""
    rows, columns = [], []
    for row in cuts:
        for panel, cut in zip(panels, row):
            if panel.kind == "image":
                bright = (cut if cut.ndim == 2 else cut.max(-1)) > 38      # 15 % of the window: above the noise of the air
                rows.append(np.flatnonzero(bright.mean(axis=1) > 0.02))
                columns.append(np.flatnonzero(bright.mean(axis=0) > 0.02))
    shape = cuts[0][0].shape
    rows, columns = (np.concatenate(found) if found else np.empty(0, int) for found in (rows, columns))
    if rows.size == 0 or columns.size == 0:
        return 0.0, 0.0, float(shape[1]), float(shape[0])
    air = 0.03 * max(np.ptp(rows), np.ptp(columns)) + 1
    return (max(columns.min() - air, 0.0), max(rows.min() - air, 0.0), min(columns.max() + 1 + air, float(shape[1])),
            min(rows.max() + 1 + air, float(shape[0])))


def _zoom_regions(labels, view: SliceView, region) -> tuple:
    """One region per row where the labels are, all of one size in mm, so that rows can be compared. Empty without labels."""
    boxes = [_box(cut) for cut in labels or ()]
    known = [box for box in boxes if box is not None]
    if not known:
        return ()
    height, width = view.pixel_mm
    wide = 1.25 * max(max((box[2] - box[0]) * width, (box[3] - box[1]) * height / _ZOOM_HEIGHT) for box in known)
    wide = min(max(wide, 40.0), (region[2] - region[0]) * width / _LEAST_ZOOM)
    size = (wide / width, wide * _ZOOM_HEIGHT / height)
    common = tuple(np.mean(known, axis=0))
    middles = [_middle(common if box is None else box, cut, size) for box, cut in zip(boxes, labels)]
    return tuple((x - size[0] / 2, y - size[1] / 2, x + size[0] / 2, y + size[1] / 2) for x, y in middles)


def _middle(box, cut: np.ndarray, size) -> tuple[float, float]:
    """Where to put a window (width, height): on the middle of the box, or, where that does not fit, where it holds most labels."""
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    if box[2] - box[0] <= size[0] and box[3] - box[1] <= size[1]:
        return x, y
    wide, tall = (max(1, min(int(edge), limit)) for edge, limit in zip(size, cut.shape[::-1]))
    sums = np.pad(np.cumsum(np.cumsum(cut != 0, axis=0), axis=1), ((1, 0), (1, 0)))
    held = sums[tall:, wide:] - sums[:-tall, wide:] - sums[tall:, :-wide] + sums[:-tall, :-wide]
    rows, columns = np.nonzero(held >= 0.98 * held.max())      # among near ties the middle one
    return float(columns.mean()) + wide / 2, float(rows.mean()) + tall / 2


def _box(cut: np.ndarray):
    rows, columns = np.flatnonzero(cut.any(axis=1)), np.flatnonzero(cut.any(axis=0))
    return (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1) if rows.size else None


def _draw_header(page: Image.Image, header: str) -> None:
    draw, width = ImageDraw.Draw(page), page.width - 2 * _MARGIN
    for number, line in enumerate(header.splitlines()):
        size = 20 if number == 0 else 14
        place = (_MARGIN, _MARGIN + (0 if number == 0 else 26 + 19 * (number - 1)))
        parts.write(draw, place, parts.fit(line, size, width), size, parts.TEXT if number == 0 else parts.QUIET, bold=number == 0)


def _draw_title(page: Image.Image, panel: Panel, left: int, top: int) -> None:
    draw = ImageDraw.Draw(page)
    for number, line in enumerate(panel.title.splitlines()[:2]):
        size = 16 if number == 0 else 13
        parts.write(draw, (left, top + 20 * number), parts.fit(line, size, _WIDTH), size, parts.TEXT if number == 0 else parts.QUIET)
    parts.draw_window(page, (left, top + 43), _WIDTH, panel.window, panel.kind)


def _draw_row_label(page: Image.Image, layout: _Layout, row: int, index: int, count: int | None, view: SliceView) -> None:
    draw, top = ImageDraw.Draw(page), layout.row(row)
    parts.write(draw, (_MARGIN, top + 4), f"slice {index + 1}", 17, bold=True)
    lines = ([f"of {count}"] if count else []) + [view.plane]
    for number, line in enumerate(lines):
        parts.write(draw, (_MARGIN, top + 28 + 18 * number), line, 14, parts.QUIET)
    if layout.zooms:
        zoom, whole = layout.zooms[row], layout.region
        factor = (whole[2] - whole[0]) / (zoom[2] - zoom[0])
        top += layout.size[1] + _GAP
        parts.write(draw, (_MARGIN, top + 4), "enlarged", 14, parts.QUIET)
        parts.write(draw, (_MARGIN, top + 22), f"{factor:.1f} times", 14, parts.QUIET)


def _draw_panel(page: Image.Image, layout: _Layout, row: int, column: int, panel: Panel, cut, labels, view: SliceView,
                outlines: Outlines) -> None:
    place = (layout.column(column), layout.row(row))
    draw = ImageDraw.Draw(page)
    _paste(page, place, panel, cut, labels, layout.region, layout.size, outlines)
    _draw_letters(draw, place, layout.size, view)
    pixels_per_mm = layout.size[0] / ((layout.region[2] - layout.region[0]) * view.pixel_mm[1])
    if panel.kind == "image":
        parts.draw_length(draw, place[0] + _WIDTH - 6, place[1] + layout.size[1] - 6, pixels_per_mm, _WIDTH)
    if panel.badge:
        parts.draw_badge(draw, place, panel.badge, _WIDTH)
    if layout.zooms:
        zoom, below = layout.zooms[row], (place[0], place[1] + layout.size[1] + _GAP)
        _draw_corners(draw, place, layout, zoom)
        _paste(page, below, panel, cut, labels, zoom, layout.zoom_size, outlines)
        pixels_per_mm = layout.zoom_size[0] / ((zoom[2] - zoom[0]) * view.pixel_mm[1])
        parts.draw_length(draw, below[0] + _WIDTH - 6, below[1] + layout.zoom_size[1] - 6, pixels_per_mm, _WIDTH)
        if panel.badge:
            parts.draw_badge(draw, below, panel.badge, _WIDTH)


def _paste(page: Image.Image, place, panel: Panel, cut, labels, region, size, outlines: Outlines) -> None:
    if panel.kind == "image":
        channels = np.atleast_3d(cut)
        colours = np.concatenate([parts.enlarge(channels[..., n], region, size, Image.Resampling.BICUBIC)[..., None]
                                  for n in np.resize(range(channels.shape[-1]), 3)], 2)
    else:
        colours = parts.difference_colours()[parts.enlarge(cut, region, size, Image.Resampling.BILINEAR, empty=128)]
    if labels is not None:
        outlines.paint(colours, labels, region, size)
    page.paste(Image.fromarray(colours), place)


def _draw_letters(draw: ImageDraw.ImageDraw, place, size, view: SliceView) -> None:
    x, y = place
    middle = y + size[1] // 2
    parts.write(draw, (x + 5, middle), view.left, 13, anchor="lm", halo=True)
    parts.write(draw, (x + size[0] - 5, middle), view.right, 13, anchor="rm", halo=True)
    parts.write(draw, (x + size[0] // 2, y + 4), view.top, 13, anchor="ma", halo=True)
    parts.write(draw, (x + size[0] // 2, y + size[1] - 4), view.bottom, 13, anchor="ms", halo=True)


def _draw_corners(draw: ImageDraw.ImageDraw, place, layout: _Layout, zoom) -> None:
    """Four corners that show in the overview where the inset is; corners only, to hide as little as possible."""
    left, top, right, bottom = layout.region
    across, down = layout.size[0] / (right - left), layout.size[1] / (bottom - top)
    xs = [place[0] + round(np.clip((x - left) * across, 0, layout.size[0] - 1)) for x in (zoom[0], zoom[2])]
    ys = [place[1] + round(np.clip((y - top) * down, 0, layout.size[1] - 1)) for y in (zoom[1], zoom[3])]
    for x, inward in zip(xs, (7, -7)):
        for y, inward_y in zip(ys, (7, -7)):
            draw.line((x, y, x + inward, y), fill=parts.QUIET)
            draw.line((x, y, x, y + inward_y), fill=parts.QUIET)


def _draw_largest(page: Image.Image, layout: _Layout, row: int, column: int, cut: np.ndarray) -> None:
    """The largest difference of the slice as a number: what is too small for the colours is still told."""
    largest = float(np.abs(np.nan_to_num(cut)).max(initial=0.0))
    place = (layout.column(column) + 6, layout.row(row) + layout.size[1] - 6)
    parts.write(ImageDraw.Draw(page), place, f"max {parts.number(largest)}", 12, anchor="ls", halo=True)


def _legend(footer: str, view: SliceView, panels, outlines: Outlines, width: int) -> list[list[Words]]:
    """What the reader must know besides the footer: one line where it fits beside the footer, else one line for each fact."""
    facts = [[Words("Patient right is at the left of the screen" if view.left == "R" else "Anterior is at the left of the screen")]]
    facts += [outlines.legend] if outlines.legend else []
    if any(panel.badge == ESTIMATED for panel in panels):
        facts.append([Words("ESTIMATED: a computed guess, not what was measured")])
    line = [words for n, fact in enumerate(facts) for words in ([Words("   \u00b7   ")] if n else []) + fact]
    free = width - 2 * _MARGIN - parts.text_width(footer, 14) - 24
    return [line] if width_of(line) <= free else [[], *facts]


def _draw_footer(page: Image.Image, footer: str, legend: list[list[Words]]) -> None:
    draw, top = ImageDraw.Draw(page), page.height - 8 - 18 * len(legend)
    width = page.width - 2 * _MARGIN
    parts.write(draw, (_MARGIN, top), parts.fit(footer, 14, width), 14, bold=True)
    if len(legend) == 1:
        write_words(draw, (page.width - _MARGIN - width_of(legend[0]), top), legend[0], width)
    for number, line in enumerate(legend[1:], start=1):
        write_words(draw, (_MARGIN, top + 18 * number), line, width)
