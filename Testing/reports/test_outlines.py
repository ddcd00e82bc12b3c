"""A suggested outline on a page is told from a drawn one in black and white too: it is dashed, there and in the legend."""
import numpy as np
import pytest
from PIL import Image, ImageDraw

from FusionINNLib.reports import drawing
from FusionINNLib.reports import page as report_page
from FusionINNLib.reports.outlines import SIZE, Outlines, width_of, write_words
from FusionINNLib.reports.page import Panel, compose
from FusionINNLib.volumes.suggested import COLOR, NAME
from FusionINNLib.volumes.volume import SegmentName

LEFT, TOP = report_page._MARGIN + report_page._ROW_LABEL, report_page._MARGIN + report_page._TITLES  # of the first panel, no header


def runs(line):
    """How many separate runs of True there are on a line of pixels."""
    return np.count_nonzero(np.diff(np.pad(line.astype(int), 1)) == 1)


def upper_edge(name, size, level):
    """Grey levels along the upper edge of the outline of a square of voxels in a flat image, on a page in black and white."""
    array, affine = np.full((4, 64, 64), level, np.float32), np.diag([-1.0, -1.0, 1.0, 1.0])
    labels = np.zeros(array.shape, np.uint8)
    labels[:, 20:20 + size, 30:30 + size] = 1
    page = compose([Panel("one", array, (0, 250))], affine, [2], outline=labels, names={1: SegmentName(name, COLOR)}).convert("L")
    overview = np.asarray(page).astype(int)[TOP:TOP + 256, LEFT:LEFT + 256]
    rows = overview[77:83, 123:117 + 4 * size]
    return rows[np.argmax(np.abs(rows - overview[20, 20]).sum(axis=1))]


@pytest.mark.parametrize("level", [10.0, 158.0, 240.0])  # the middle one is as grey as the colour of a suggestion
@pytest.mark.parametrize("size", [4, 20])
def test_what_a_network_suggested_is_dashed_without_colours_too(size, level):
    assert np.ptp(upper_edge("lesion", size, level)) <= 8, "a drawn outline is whole"
    broken = upper_edge(NAME, size, level)
    assert np.ptp(broken) > 100 and runs(broken < 60) >= size // 5 and runs(broken > 140) >= size // 5


def test_the_legend_shows_the_lines_as_they_are_drawn():
    labels = np.zeros((40, 40), np.uint8)
    labels[:20], labels[20:] = 1, 2
    legend = Outlines.of([labels], {1: SegmentName(NAME, COLOR), 2: SegmentName("core", (1.0, 0.0, 0.0))}).legend
    assert {words.text: words.sample for words in legend if words.sample} == {NAME: "dashed", "core": "solid"}
    picture = Image.new("RGB", (width_of(legend), 20))
    write_words(ImageDraw.Draw(picture), (0, 0), legend, picture.width)
    line, start = np.asarray(picture)[SIZE // 2 + 2], drawing.text_width("outlines: ", SIZE)
    assert runs((line == (0, 230, 230)).all(axis=1)[start:start + 31]) == 3
    solid = np.flatnonzero((line == (255, 0, 0)).all(axis=1))
    assert (np.diff(solid[:31]) == 1).all(), "one piece"


def test_what_is_drawn_covers_what_is_suggested():
    labels = np.zeros((40, 40), np.uint8)
    labels[10:30, 10:20], labels[10:30, 20:30] = 1, 2
    outlines = Outlines.of([labels], {1: SegmentName(NAME, COLOR), 2: SegmentName("core", (1.0, 0.0, 0.0))})
    picture = np.full((160, 160, 3), 99, np.uint8)
    outlines.paint(picture, labels, (0, 0, 40, 40), (160, 160))
    red = (picture == (255, 0, 0)).all(axis=2)
    assert red[60:100, 76:84].any(axis=1).all() and red[60:100, 116:124].any(axis=1).all(), "the drawn segment is outlined on all sides"
    assert not (picture[45:115, 45:72] != 99).any(), "inside nothing is covered"


def test_a_dashed_line_is_broken_all_round():
    rows, columns = np.indices((200, 200))
    inside = np.hypot(rows - 100, columns - 100) < 70
    line = drawing.outline(inside.astype(np.uint8), (0, 0, 200, 200), (200, 200)) != 0
    kept = drawing.dashed(line)
    assert not (kept & ~line).any() and 0.4 < kept.sum() / line.sum() < 0.75
    for angle in np.arange(0, 2 * np.pi, 0.4):  # an eighth of a turn has more than one dash and more than one gap
        part = line & (np.hypot(rows - 100 - 70 * np.sin(angle), columns - 100 - 70 * np.cos(angle)) < 18)
        assert 0.25 < kept[part].mean() < 0.9
