"""The report page shows what it claims: the right way up, the right place, outlines in red, estimates marked as such."""
import os
import subprocess
import sys
from dataclasses import replace
from itertools import permutations, product
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from FusionINNLib.phantom.case import small_case
from FusionINNLib.reports import drawing
from FusionINNLib.reports import page as report_page
from FusionINNLib.reports.columns import difference_column, spread_window, window
from FusionINNLib.reports.outlines import Outlines
from FusionINNLib.reports.page import ESTIMATED, EXACT, Panel, choose_slices, compose, save
from FusionINNLib.reports.slice_view import slice_view
from FusionINNLib.volumes.volume import SegmentName, Volume

SPACING = (1.0, 1.5, 4.0)
LEFT, TOP = report_page._MARGIN + report_page._ROW_LABEL, report_page._MARGIN + report_page._TITLES  # of the first panel, no header
STEP = report_page._WIDTH + report_page._GAP  # from one column to the next


def marked_volume(order, signs, tilt=np.eye(3)):
    """A ball of tissue (12 mm) off the middle, at right-anterior-superior, in a dim block, on a grid of any orientation.

    order: which world axis voxel axes i, j, k run along; signs: which way. Returns array (k, j, i) and affine.
    """
    directions = np.zeros((3, 3))
    for voxel_axis, (world_axis, sign) in enumerate(zip(order, signs)):
        directions[world_axis, voxel_axis] = sign
    affine = np.eye(4)
    affine[:3, :3] = tilt @ directions * SPACING
    shape = (30, 60, 80)
    affine[:3, 3] = -affine[:3, :3] @ ((np.array(shape[::-1]) - 1) / 2)
    k, j, i = np.indices(shape)
    ras = np.stack([i, j, k], axis=-1) @ affine[:3, :3].T + affine[:3, 3]
    array = np.full(shape, 60.0, np.float32)
    array[np.all(np.abs(ras - [18, 20, 15]) < 12, axis=-1)] = 200.0
    return array, affine


def bright_middle(cut):
    rows, columns = np.nonzero(cut > 150)
    return rows.mean() / (cut.shape[0] - 1), columns.mean() / (cut.shape[1] - 1)


@pytest.mark.parametrize("order", list(permutations(range(3))))
@pytest.mark.parametrize("signs", list(product((1, -1), repeat=3)))
def test_right_anterior_superior_lands_where_a_radiologist_expects_it(order, signs):
    array, affine = marked_volume(order, signs)
    expected = {"axial": "RLAP", "coronal": "RLSI", "sagittal": "APSI"}
    seen = set()
    for axis in range(3):
        view = slice_view(affine, axis)
        seen.add(view.plane)
        index = int(np.argmax((array > 150).sum(axis=tuple(a for a in range(3) if a != axis))))
        row, column = bright_middle(view.take(array, index))
        assert row < 0.45 and column < 0.45, f"{view.plane}: not at the upper left"
        assert view.left + view.right + view.top + view.bottom == expected[view.plane]
        height, width = view.pixel_mm
        assert sorted((height, width, SPACING[2 - axis])) == sorted(SPACING)
    assert seen == set(expected)


def test_oblique_grids_keep_three_planes():
    turn = np.array([[np.sqrt(0.5), -np.sqrt(0.5), 0], [np.sqrt(0.5), np.sqrt(0.5), 0], [0, 0, 1]])      # exactly 45 degrees
    affine = np.eye(4)
    affine[:3, :3] = turn
    assert {slice_view(affine, axis).plane for axis in range(3)} == {"axial", "coronal", "sagittal"}


def test_marked_voxels_land_at_the_upper_left_of_the_panel():
    array, affine = marked_volume((0, 1, 2), (-1, -1, 1))
    page = np.asarray(compose([Panel("one", array, (0, 250))], affine, [18]))
    body = page[TOP:page.shape[0] - 34, LEFT:LEFT + report_page._WIDTH].astype(int)
    ball = (np.abs(body - body[..., :1]).max(axis=-1) < 10) & (np.abs(body[..., 0] - 204) < 12)
    rows, columns = np.nonzero(ball)
    assert np.median(rows) < 0.45 * body.shape[0] and np.median(columns) < 0.45 * body.shape[1]


def test_pixels_are_square_in_millimetres():
    array, affine = marked_volume((0, 1, 2), (-1, -1, 1))
    page = np.asarray(compose([Panel("one", array, (0, 250))], affine, [18])).astype(int)
    grey = (np.abs(page - page[..., :1]).max(axis=-1) < 6) & (np.abs(page[..., 0] - 204) < 12)
    grey[:TOP] = False
    rows, columns = np.nonzero(grey[:, 120:])
    height, width = (np.percentile(at, 95) - np.percentile(at, 5) for at in (rows, columns))
    assert height / width == pytest.approx(1.0, abs=0.12)      # the ball's slice is a square of 24 x 24 mm


def is_red(pixels):
    return (pixels == drawing.RED).all(axis=-1)


def test_outline_is_red_thin_and_at_the_border_of_the_label():
    array, affine = np.full((4, 64, 64), 100.0, np.float32), np.diag([-1.0, -1.0, 1.0, 1.0])
    labels = np.zeros(array.shape, np.uint8)
    labels[:, 16:32, 24:48] = 1
    page = np.asarray(compose([Panel("one", array, (0, 250))], affine, [2], outline=labels))
    overview = page[TOP:TOP + 256, LEFT:LEFT + 256]
    rows, columns = np.nonzero(is_red(overview))
    scale = 256 / 64
    for edge, found in zip((16, 32, 24, 48), (rows.min(), rows.max(), columns.min(), columns.max())):
        assert found == pytest.approx(edge * scale, abs=2)
    assert not is_red(overview[int(19 * scale):int(29 * scale), int(28 * scale):int(44 * scale)]).any(), "the label itself is covered"
    assert rows.size < 1.2 * 2 * (16 + 24) * scale, "thicker than one pixel"
    assert is_red(page[TOP + 256:]).any(), "no outline in the inset"
    assert not is_red(np.asarray(compose([Panel("one", array, (0, 250))], affine, [2]))).any()


def test_border_between_two_labels_is_drawn_once():
    labels = np.zeros((40, 40), np.uint8)
    labels[10:30, 10:20], labels[10:30, 20:30] = 1, 2
    line = drawing.outline(labels, (0, 0, 40, 40), (160, 160))
    assert (line[60:100, 70:90] != 0).sum(axis=1).tolist() == [1] * 40


def test_each_segment_has_its_colour_and_its_name_in_the_legend():
    array, affine = np.full((4, 64, 64), 100.0, np.float32), np.diag([-1.0, -1.0, 1.0, 1.0])
    labels = np.zeros(array.shape, np.uint8)
    labels[:, 10:20, 10:20], labels[:, 30:40, 10:20], labels[:, 30:40, 40:50] = 1, 2, 3
    names = {1: SegmentName("core", (0.0, 1.0, 0.0)), 2: SegmentName("oedema", (0.0, 0.4, 1.0)),
             7: SegmentName("not here", (1.0, 0.0, 1.0))}
    page = np.asarray(compose([Panel("one", array, (0, 250))], affine, [2], outline=labels, names=names))
    overview, legend = page[TOP:TOP + 256, LEFT:LEFT + 256], page[-40:]
    for colour, (top, left) in (((0, 255, 0), (40, 40)), ((0, 102, 255), (120, 40)), (drawing.RED, (120, 160))):
        rows, columns = np.nonzero((overview == colour).all(axis=-1))
        assert abs(rows.min() - top) < 3 and abs(columns.min() - left) < 3 and rows.max() - top < 44, colour
    assert (legend == (0, 255, 0)).all(axis=-1).sum() > 5 and (legend == (0, 102, 255)).all(axis=-1).sum() > 5
    assert not (page == (255, 0, 255)).all(axis=-1).any()
    words = "".join(word.text for word in Outlines.of([labels[2]], names).legend)
    assert words == "outlines: core, oedema"
    assert Outlines.of([labels[2]], {1: SegmentName("black", (0.0, 0.0, 0.1))}).colours == {1: drawing.RED}, "black is not seen on a scan"


def badge_pixels(page, column):
    """How much of the upper left corner of the first row's panel is in the colour of an estimate's badge."""
    corner = page[TOP:TOP + 20, LEFT + column * STEP:LEFT + column * STEP + 90]
    return (corner == drawing.AMBER).all(axis=-1).mean()


def bands_of(line):
    """How many separate runs of True there are on a line of pixels: beside the letters of a badge its colour is not broken."""
    return np.count_nonzero(np.diff(line.astype(int)) == 1)


def test_every_picture_of_an_estimate_says_so():
    array, affine = marked_volume((0, 1, 2), (-1, -1, 1))
    labels = (array > 150).astype(np.uint8)
    panels = [Panel("source", array, (0, 250)), Panel("estimate", array, (0, 250), badge=ESTIMATED),
              Panel("difference", array * 0, (-1, 1), "difference", badge=ESTIMATED), Panel("exact", array, (0, 250), badge=EXACT)]
    page = np.asarray(compose(panels, affine, [18, 19], outline=labels))
    amber = (page == drawing.AMBER).all(axis=-1)
    assert [badge_pixels(page, column) > 0.3 for column in range(4)] == [False, True, True, False]
    # 2 estimates x 2 rows x (overview + inset) = 8 badges: in each column of estimates, four separate bands of amber.
    for column, bands in enumerate((0, 4, 4, 0)):
        assert bands_of(amber[:, LEFT + column * STEP + 2]) == bands


def test_exact_is_said_quietly_and_an_unmarked_panel_differs():
    array, affine = marked_volume((0, 1, 2), (-1, -1, 1))
    pages = [np.asarray(compose([Panel("one", array, (0, 250), badge=badge)], affine, [18])) for badge in (None, EXACT)]
    changed = np.argwhere((pages[0] != pages[1]).any(axis=-1))
    assert len(changed) and (changed.min(axis=0) >= [TOP, LEFT]).all() and (changed.max(axis=0) < [TOP + 30, LEFT + 70]).all()


def test_differences_are_black_at_zero_blue_below_orange_above():
    table = drawing.difference_colours().astype(int)
    levels = drawing.levels(np.array([[-9.0, -2.0, 0.0, 2.0, 9.0, np.nan]]), (-4.0, 4.0), "difference")[0]
    assert levels.tolist()[2] == levels.tolist()[5] == 128 and table[128].tolist() == [0, 0, 0]
    assert levels[0] == 1 and levels[4] == 255
    assert table[levels[1]][2] > table[levels[1]][0] + 100 and table[levels[3]][0] > table[levels[3]][2] + 100
    brightness = table.sum(axis=1)
    assert (np.diff(brightness[128:]) >= 0).all() and (np.diff(brightness[1:129]) <= 0).all()
    with pytest.raises(ValueError, match="as far below 0"):
        Panel("lopsided", np.zeros((2, 2, 2)), (-1, 3), "difference")


def test_slices_are_those_with_the_most_segmentation_and_apart():
    labels = np.zeros((40, 30, 30), np.uint8)
    for index in range(10, 30):
        reach = 10 - abs(index - 20)
        labels[index, :reach + 1, :20] = 1
    image = np.random.default_rng(0).normal(size=labels.shape)
    chosen = choose_slices(labels, image, 0)
    assert len(chosen) == 3 and 20 in chosen and chosen == sorted(chosen)
    assert min(np.diff(chosen)) >= 2 and all(labels[index].sum() >= 0.3 * labels[20].sum() for index in chosen)
    moved = np.moveaxis(labels, 0, 2)
    assert choose_slices(moved, np.moveaxis(image, 0, 2), 2) == chosen
    one = np.zeros_like(labels)
    one[7, 3, 3] = 1
    assert choose_slices(one, image, 0) == [7]


def test_without_segmentation_the_slices_with_structure_are_chosen():
    image = np.zeros((40, 64, 64), np.float32)
    image[:4] = np.random.default_rng(0).normal(scale=0.05, size=(4, 64, 64))      # noise is not structure
    image[12:24, 16:48:4, 16:48] = 1.0
    image[30, 5, 5] = 1e6                                                          # nor is one wild voxel
    for segmentation in (None, np.zeros(image.shape, np.uint8)):
        chosen = choose_slices(segmentation, image, 0)
        assert len(chosen) == 3 and all(12 <= index < 24 for index in chosen)
    assert choose_slices(None, np.zeros((9, 5, 5)), 0) == [4]


def test_header_too_long_is_shortened_not_cut():
    long = "first: " + "a_very_long_file_name" * 30 + ".nii.gz"
    short = drawing.fit(long, 14, 300)
    assert drawing.text_width(short, 14) <= 300
    assert short.startswith("first: a") and short.endswith(".nii.gz") and "..." in short
    assert drawing.plain("Müller · 图 ±1") == "Muller · ? ±1"


def test_the_page_is_the_same_twice_and_nan_is_no_trouble():
    array, affine = marked_volume((0, 1, 2), (-1, -1, 1))
    array[:, :10] = np.nan
    panels = [Panel("one", array, (0, 250)), Panel("two", array - array, (-1, 1), "difference")]
    first, second = (compose(panels, affine, [3, 18], header="line one\nline two") for _ in range(2))
    assert first.tobytes() == second.tobytes() and first.mode == "RGB"


def test_save_is_atomic(tmp_path, monkeypatch):
    target = tmp_path / "report.png"
    save(Image.new("RGB", (8, 8), (1, 2, 3)), target)
    before = target.read_bytes()

    def break_down(self, file, **options):
        file.write(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(Image.Image, "save", break_down)
    with pytest.raises(OSError, match="disk full"):
        save(Image.new("RGB", (8, 8)), target)
    assert target.read_bytes() == before and os.listdir(tmp_path) == ["report.png"]


@pytest.fixture(scope="module")
def small():
    return small_case()


def test_what_is_too_bright_is_orange(small):
    brighter, span = replace(small.first, array=small.first.array + np.int16(300)), window(small.first, 0)
    panels = [difference_column("difference", volume, small.first, span, 0, [10, 12]) for volume in (brighter, small.first)]
    page = np.asarray(compose(panels, small.first.affine, [10, 12])).astype(int)
    first, second = (page[200:-60, LEFT + column * STEP + 20:LEFT + column * STEP + 230] for column in range(2))
    assert np.median(first[..., 0] - first[..., 2]) > 20
    assert np.median(second.max(axis=-1)) == 0


def test_window_shows_physical_values_of_the_head_and_the_tumour(small):
    low, high = window(small.first, 0)
    assert low == 0 and 2000 < high < 4000
    scaled = replace(small.first, slope=0.001, intercept=1.0)
    assert window(scaled, 0) == pytest.approx((1.0, 1 + high / 1000), rel=0.05)
    spot = small.second.array.copy()
    labels = np.zeros(spot.shape, np.uint8)
    middle = spot.shape[0] // 2
    labels[middle:middle + 2, 20:23, 20:23] = 1
    spot[labels != 0] = 3000
    hot = replace(small.second, array=spot)
    assert window(hot, 0)[1] < 3000 <= window(hot, 0, replace(small.segmentation, array=labels))[1]


def test_import_is_light():
    code = ("import sys, FusionINNLib.reports.columns; "
            "sys.exit(any(m in sys.modules for m in ('torch', 'slicer', 'scipy', 'matplotlib', 'SimpleITK', 'nibabel')))")
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(report_page.__file__).parents[2]).returncode == 0


def test_a_rim_that_is_much_less_sure_does_not_darken_the_rest_of_a_spread():
    array = np.full((4, 80, 80), 0.01, np.float32)
    array[:, 0] = 0.7
    array[0, 40:] = 0
    assert spread_window(Volume(array, np.eye(4), "spread"), 0) == pytest.approx((0.0, 0.01))
    assert spread_window(Volume(np.zeros_like(array), np.eye(4), "spread"), 0) == (0.0, 1.0)
